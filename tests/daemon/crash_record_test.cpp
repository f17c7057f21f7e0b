// The record of crashes: lines as a handler writes them, read back; who is kept out by them; how it
// forgets, survives damage and does not grow for ever.
#include "daemon/plugin_host/crash_record.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "daemon/plugin_host/crash_history.hpp"
#include "tests/daemon/temp_dir.hpp"
#include "tests/support/catch.hpp"

namespace backstage::plugin_host {
namespace {

using namespace std::chrono_literals;
using daemon::TempDir;
using Clock = std::chrono::system_clock;

const std::string sha_a(64, 'a');
const std::string sha_b(64, 'b');
constexpr std::string_view stack_text =
    "gsignal+0x11 libc.so.6 < net::Feed::parse+0x2f com.example.feed-1.2.3-aaaaaaaa.so < ...";

CrashScene scene_of(std::string_view sha256) {
  CrashScene scene;
  scene.plugin.id.assign("com.example.feed");
  scene.plugin.version.assign("1.2.3");
  scene.plugin.sha256.assign(sha256);
  scene.phase = "receive";
  scene.actor.assign("feed:1");
  scene.actor_type.assign("feed");
  scene.kind = "publish";
  scene.message_type.assign("delta");
  return scene;
}

std::string line_of(const CrashScene& scene, std::chrono::milliseconds time,
                    std::string_view stack = stack_text) {
  std::array<char, crash_line_bytes_max> room{};
  FixedText text(room);
  compose(text, {.time = time,
                 .signal = "SIGSEGV",
                 .why = "address not mapped",
                 .scene = scene,
                 .stack = stack});
  return std::string{text.text()};
}

std::string crash_at(std::chrono::milliseconds time, const std::string& sha256 = sha_a) {
  return line_of(scene_of(sha256), time);
}

// Without the newlines around it.
std::string_view bare(std::string_view line) { return line.substr(1, line.size() - 2); }

constexpr CrashRules rules{.crashes_max = 3, .window = 10min};

CrashHistory history_of(const TempDir& dir, const std::string& text, CrashRules by = rules,
                        std::chrono::milliseconds now = 1h) {
  dir.write("crashes", text);
  return {dir.path("crashes"), by, Clock::time_point{now}};
}

}  // namespace

TEST_CASE("a crash is read back as it was written, whatever bytes its names have", "[crash]") {
  auto scene = scene_of(sha_a);
  scene.message_type.assign("tab\there\nline \\ \xff");
  const auto line = line_of(scene, 1'795'407'981'609ms);
  CHECK(line.starts_with("\ncrash/1\t"));
  CHECK(line.ends_with("\tend\n"));
  const auto entry = parse_crash(bare(line));
  REQUIRE(entry);
  CHECK(entry->time == 1'795'407'981'609ms);
  CHECK(entry->sha256 == sha_a);
  CHECK(entry->id == "com.example.feed");
  CHECK(entry->version == "1.2.3");
  CHECK(entry->signal == "SIGSEGV");
  CHECK(entry->why == "address not mapped");
  CHECK(entry->phase == "receive");
  CHECK(entry->actor == "feed:1");
  CHECK(entry->actor_type == "feed");
  CHECK(entry->kind == "publish");
  CHECK(entry->message_type == R"(tab\x09here\x0aline \\ \xff)");
  CHECK(entry->stack == stack_text);
  CHECK_FALSE(entry->is_forgotten);
}

TEST_CASE("what is told of a crash names the plugin's own innermost function", "[crash]") {
  const auto entry = parse_crash(bare(crash_at(1'795'407'981'609ms)));
  REQUIRE(entry);
  CHECK(entry->sentence() ==
        "2026-11-23T04:26:21Z: SIGSEGV (address not mapped) in receive of actor feed:1, type feed, "
        "at a publish of type delta, in net::Feed::parse+0x2f com.example.feed-1.2.3-aaaaaaaa.so");
  CrashScene thread;
  thread.plugin = scene_of(sha_a).plugin;
  thread.phase = "thread";
  const auto other = parse_crash(bare(line_of(thread, 0ms, "memcpy+0x1 libc.so.6 < start+0x2 x")));
  REQUIRE(other);
  CHECK(other->sentence() ==
        "1970-01-01T00:00:00Z: SIGSEGV (address not mapped) in a thread of its own, in memcpy+0x1 "
        "libc.so.6");
}

TEST_CASE("a torn line is no crash, wherever it was torn", "[crash]") {
  const auto line = crash_at(5s);
  const auto whole = bare(line);
  REQUIRE(parse_crash(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(parse_crash(whole.substr(0, size)));
  }
}

TEST_CASE("foreign lines are no crashes", "[crash]") {
  const std::string good{bare(crash_at(5s))};
  CHECK_FALSE(parse_crash(good + "\tend"));
  CHECK_FALSE(parse_crash("x" + good));
  for (const auto& [from, to] : {std::pair<std::string, std::string>{"5000", "-1"},
                                 {"5000", "soon"},
                                 {"5000", "99999999999999999999"},
                                 {sha_a, std::string(64, 'G')},
                                 {sha_a, std::string(63, 'a')},
                                 {"feed:1", "feed\x01"},
                                 {"feed:1", "feed\xc3"}}) {
    auto bad = good;
    bad.replace(bad.find(from), from.size(), to);
    CAPTURE(bad);
    CHECK_FALSE(parse_crash(bad));
  }
}

TEST_CASE("a stack too long for its line is cut and the line is whole", "[crash]") {
  const std::string deep(5000, 's');
  const auto line = line_of(scene_of(sha_a), 5s, deep);
  CHECK(line.size() == crash_line_bytes_max);
  const auto entry = parse_crash(bare(line));
  REQUIRE(entry);
  CHECK(entry->stack.size() > 1500);
}

TEST_CASE("three crashes within the window keep a file out, and say when and how", "[crash]") {
  const TempDir dir;
  const auto history =
      history_of(dir, crash_at(1min) + crash_at(5min) + crash_at(10min) + crash_at(2min, sha_b));
  const auto refusal = history.quarantine_of(sha_a, "/plugins/feed.so");
  REQUIRE(refusal);
  CHECK(refusal->code == "QUARANTINED");
  CHECK(refusal->file == "/plugins/feed.so");
  CHECK(
      refusal->cause.starts_with("it crashed the daemon 3 times, 3 of them within 10 min, the "
                                 "last at 1970-01-01T00:10:00Z: SIGSEGV"));
  CHECK(refusal->fix ==
        "replace the file by one that is mended, or give it another chance: backstagectl plugin "
        "retry com.example.feed");
  // Another build, or another plugin, has a record of its own.
  CHECK_FALSE(history.quarantine_of(sha_b, "/plugins/other.so"));
  CHECK_FALSE(history.quarantine_of(std::string(64, 'c'), "/plugins/new.so"));
}

TEST_CASE("it is the window that counts, then and not now", "[crash]") {
  const TempDir dir;
  const auto spread = crash_at(1min) + crash_at(6min) + crash_at(11min + 1ms);
  CHECK_FALSE(history_of(dir, spread).quarantine_of(sha_a, "f"));
  // On its edge; and years ago.
  const auto dense = crash_at(1min) + crash_at(6min) + crash_at(11min);
  CHECK(history_of(dir, dense).quarantine_of(sha_a, "f"));
  CHECK(history_of(dir, dense, rules, 1000h * 24).quarantine_of(sha_a, "f"));
  // Written while the clock was set back.
  const auto backwards = crash_at(11min) + crash_at(1min) + crash_at(6min);
  CHECK(history_of(dir, backwards).quarantine_of(sha_a, "f"));
  // Other rules.
  CHECK_FALSE(history_of(dir, dense, {.crashes_max = 4}).quarantine_of(sha_a, "f"));
  CHECK_FALSE(history_of(dir, dense, {.crashes_max = 0}).quarantine_of(sha_a, "f"));
  CHECK(history_of(dir, crash_at(1h), {.crashes_max = 1, .window = 0ms}).quarantine_of(sha_a, "f"));
}

TEST_CASE("crashes of late are counted per file, the newest is told", "[crash]") {
  const TempDir dir;
  const auto history =
      history_of(dir, crash_at(1min) + crash_at(55min) + crash_at(58min, sha_b) + crash_at(57min));
  const auto recent = history.recent(sha_a);
  CHECK(recent.count == 2);
  REQUIRE(recent.last);
  CHECK(recent.last->time == 57min);
  CHECK(history.recent(std::string(64, 'c')).count == 0);
}

TEST_CASE("crashes of no plugin keep none out", "[crash]") {
  const TempDir dir;
  const auto nobody = line_of(CrashScene{}, 59min);
  REQUIRE(parse_crash(bare(nobody)));
  const auto history = history_of(dir, nobody + nobody + nobody);
  CHECK(history.foreign_lines() == 0);
  CHECK_FALSE(history.quarantine_of("", "f"));
}

TEST_CASE("a file that is retried starts anew, now and after a restart", "[crash]") {
  const TempDir dir;
  auto history = history_of(dir, crash_at(1min) + crash_at(2min) + crash_at(3min) +
                                     crash_at(1min, sha_b) + crash_at(1min, sha_b));
  REQUIRE(history.quarantine_of(sha_a, "f"));
  const auto forgotten = history.forget(sha_a, Clock::time_point{1h});
  REQUIRE(forgotten);
  CHECK(*forgotten);
  CHECK_FALSE(history.quarantine_of(sha_a, "f"));
  CHECK(history.forget(sha_a, Clock::time_point{1h}) == false);

  // Two more: still below the limit; the other's crashes still count.
  const auto text = dir.read("crashes");
  const auto later =
      history_of(dir, text + crash_at(61min) + crash_at(62min) + crash_at(2min, sha_b));
  CHECK(later.foreign_lines() == 0);
  CHECK_FALSE(later.quarantine_of(sha_a, "f"));
  CHECK(later.quarantine_of(sha_b, "f"));
}

TEST_CASE("what cannot be forgotten in the record is not forgotten at all", "[crash]") {
  const TempDir dir;
  auto history = history_of(dir, crash_at(1min) + crash_at(2min) + crash_at(3min));
  std::filesystem::remove(dir.path("crashes"));
  std::filesystem::create_directory(dir.path("crashes"));
  const auto forgotten = history.forget(sha_a, Clock::time_point{1h});
  REQUIRE_FALSE(forgotten);
  CHECK(forgotten.error().find(dir.path("crashes")) != std::string::npos);
  CHECK(history.quarantine_of(sha_a, "f"));
}

TEST_CASE("a damaged record counts what it can read", "[crash]") {
  const TempDir dir;
  const auto whole = crash_at(1min);
  // A torn line at the end of a full disk, and the next one after it.
  const auto torn = whole.substr(0, whole.size() / 2);
  const auto history = history_of(dir, std::string("\0\xff\n", 3) + torn + whole + whole + whole);
  CHECK(history.foreign_lines() == 2);
  CHECK(history.quarantine_of(sha_a, "f"));
  const CrashHistory none(dir.path("absent"), rules, Clock::time_point{1h});
  CHECK_FALSE(none.quarantine_of(sha_a, "f"));
  CHECK(none.foreign_lines() == 0);
}

TEST_CASE("a record that has grown is cut to the newest of each plugin", "[crash]") {
  const TempDir dir;
  std::string text = crash_at(1min, sha_b) + crash_at(2min, sha_b) + crash_at(3min, sha_b);
  text += crash_at(1ms) + compose_forgotten(sha_a, 2ms);
  int count = 0;
  while (text.size() <= CrashHistory::record_bytes_max) text += crash_at(1h + 1h * ++count);
  const auto history = history_of(dir, text);
  CHECK(std::filesystem::file_size(dir.path("crashes")) < 20'000);
  // Reading what was kept gives the same judgements.
  const CrashHistory again(dir.path("crashes"), rules, Clock::time_point{1h * (count + 1)});
  CHECK(again.foreign_lines() == 0);
  CHECK_FALSE(again.quarantine_of(sha_a, "f"));
  CHECK(again.quarantine_of(sha_b, "f"));
  const auto recent = again.recent(sha_a);
  CHECK(recent.count == 1);
  REQUIRE(recent.last);
  CHECK(recent.last->time == 1h + 1h * count);
}

TEST_CASE("the record is a private file, and nothing else will do", "[crash]") {
  const TempDir dir;
  REQUIRE(open_crash_record(dir.path("crashes")));
  struct stat facts{};
  REQUIRE(::stat(dir.path("crashes").c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777U) == 0600);
  std::filesystem::create_symlink(dir.path("crashes"), dir.path("link"));
  REQUIRE(::mkfifo(dir.path("fifo").c_str(), 0600) == 0);
  for (const auto* name : {"link", "fifo", "absent/crashes"}) {
    CAPTURE(name);
    const auto refused = open_crash_record(dir.path(name));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().starts_with(dir.path(name)));
  }
}

}  // namespace backstage::plugin_host
