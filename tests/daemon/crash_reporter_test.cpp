// The handler of fatal signals in processes of its own, which it ends: what it says, of whom, and
// by which signal the process ends.
#include "daemon/crash/reporter.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "daemon/crash/line.hpp"
#include "daemon/crash/trace.hpp"
#include "daemon/plugin_host/crash_scene.hpp"
#include "tests/support/catch.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

namespace backstage::crash {

// Named, and called for: what the traces must show.
namespace crash_places {

int* volatile nowhere = nullptr;

// Not for UBSan to catch: the fault is what is wanted.
__attribute__((noinline, no_sanitize("undefined"))) void writes_through_null() { *nowhere = 1; }
[[gnu::noinline]] int overflows_the_stack(int depth) {
  volatile char room[512];
  room[0] = static_cast<char>(depth);
  if (depth == -1) return 0;
  return overflows_the_stack(depth + 1) + room[0];
}

}  // namespace crash_places

namespace {

using plugin_host::CodeRange;
using plugin_host::CrashFacts;
using plugin_host::CrashScene;
using plugin_host::PluginIdentity;

struct End {
  int status = 0;
  std::vector<nlohmann::json> lines;

  // A sanitizer ends it in its own way, once it has the signal.
  [[nodiscard]] bool is_by([[maybe_unused]] int number) const {
#ifdef SANITIZED
    return WIFSIGNALED(status) || WEXITSTATUS(status) != 0;
#else
    return WIFSIGNALED(status) && WTERMSIG(status) == number;
#endif
  }
};

void forget_catch_handlers() {
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) ::signal(number, SIG_DFL);
#ifndef SANITIZED
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  ::sigaltstack(&none, nullptr);
#endif
}

// Runs `act` in a child that has a reporter; the child ends with it.
template <class Act>
End end_of(Act&& act) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    forget_catch_handlers();
    // What a sanitizer says of it belongs to nobody.
    ::dup2(::open("/dev/null", O_WRONLY | O_CLOEXEC), 2);
    log::Log log({.fd = ends[1], .level = log::LogLevel::info, .format = log::LogFormat::json});
    const CrashReporter reporter(log, ends[1]);
    act();
    ::_exit(0);
  }
  ::close(ends[1]);
  End end;
  std::string text;
  std::array<char, 4096> chunk{};
  for (ssize_t got = 1; got > 0;) {
    got = ::read(ends[0], chunk.data(), chunk.size());
    if (got > 0) text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  REQUIRE(::waitpid(child, &end.status, 0) == child);
  CAPTURE(text);
  while (!text.empty()) {
    const auto newline = text.find('\n');
    REQUIRE(newline != std::string::npos);
    end.lines.push_back(nlohmann::json::parse(text.substr(0, newline)));
    text.erase(0, newline + 1);
  }
  return end;
}

nlohmann::json only_line(const End& end) {
  REQUIRE(end.lines.size() == 1);
  return end.lines.front();
}

PluginIdentity some_plugin() {
  PluginIdentity plugin;
  plugin.id.assign("test.plugin");
  plugin.version.assign("1.0.0");
  plugin.sha256.assign(std::string(64, 'a'));
  return plugin;
}

const void* own_code() { return reinterpret_cast<const void*>(&crash_places::writes_through_null); }

std::string json_line(const CrashScene& scene, std::string_view stack) {
  std::array<char, log::log_line_bytes_max> room{};
  FixedText text(room);
  const CrashFacts facts{.time = std::chrono::milliseconds{1'795'407'981'007},
                         .signal = "SIGSEGV",
                         .why = "stack overflow",
                         .scene = scene,
                         .stack = stack};
  format_crash(text,
               {.facts = facts,
                .address = 0xabc,
                .has_address = true,
                .thread = "a\"b\\c\n",
                .utc_offset = 0},
               log::LogFormat::json);
  return std::string{text.text()};
}

}  // namespace

TEST_CASE("a crash of the daemon's own code is blamed on nobody", "[crash]") {
  const auto end = end_of([] { crash_places::writes_through_null(); });
  CHECK(end.is_by(SIGSEGV));
  const auto line = only_line(end);
  CHECK(line["msg"] == "crash: SIGSEGV in the daemon's own code");
  CHECK(line["level"] == "error");
  CHECK_FALSE(line.contains("plugin"));
  CHECK(line["cause"] == "address not mapped");
  CHECK(line["address"] == "0x0");
  CHECK(line["stack"].get<std::string>().starts_with(
      "backstage::crash::crash_places::writes_through_null+0x"));
}

TEST_CASE("an abort and a raised signal end the process as they would have", "[crash]") {
  const auto aborted = end_of([] { std::abort(); });
  CHECK(aborted.is_by(SIGABRT));
  CHECK(only_line(aborted)["cause"] == "abort");
  const auto raised = end_of([] { std::raise(SIGFPE); });
  CHECK(raised.is_by(SIGFPE));
  CHECK(only_line(raised)["cause"] == "raised");
}

TEST_CASE("a stack overflow on an admitted thread is called one", "[crash]") {
  const auto end = end_of([] {
    std::thread([] {
      CrashReporter::admit_this_thread();
      std::exit(crash_places::overflows_the_stack(0));
    }).join();
  });
  CHECK(end.is_by(SIGSEGV));
  CHECK(only_line(end)["cause"] == "stack overflow");
}

TEST_CASE("a thread born with every signal blocked is told of once it is admitted", "[crash]") {
  const auto end = end_of([] {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
    std::thread([] {
      CrashReporter::admit_this_thread();
      crash_places::writes_through_null();
    }).join();
  });
  CHECK(end.is_by(SIGSEGV));
  CHECK(only_line(end)["cause"] == "address not mapped");
}

TEST_CASE("of threads that crash at once one is told of", "[crash]") {
  const auto end = end_of([] {
    std::atomic<int> ready{0};
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&ready] {
        ++ready;
        while (ready < 4) std::this_thread::yield();
        crash_places::writes_through_null();
      });
    }
    for (auto& thread : threads) thread.join();
  });
  CHECK(end.is_by(SIGSEGV));
  CHECK(end.lines.size() == 1);
}

TEST_CASE("threads that come and go while others are admitted leave nothing behind", "[crash]") {
  const auto end = end_of([] {
    for (int i = 0; i < 200; ++i) std::thread([] { CrashReporter::admit_this_thread(); }).join();
  });
  CHECK(end.status == 0);
  CHECK(end.lines.empty());
}

TEST_CASE("code of a plugin's file is its plugin's, as long as it is mapped", "[crash]") {
  const auto crash_in_thread = [] { std::thread(&crash_places::writes_through_null).join(); };
  const auto blamed = end_of([&] {
    const CodeRange range(own_code(), some_plugin());
    if (!range.is_watched()) return;
    crash_in_thread();
  });
  CHECK(blamed.is_by(SIGSEGV));
  const auto line = only_line(blamed);
  CHECK(line["msg"] == "crash: SIGSEGV in a thread that a plugin started");
  CHECK(line["plugin"] == "test.plugin");
  CHECK(line["phase"] == "thread");

  const auto gone = end_of([&] {
    {
      CodeRange range(own_code(), some_plugin());
      const CodeRange moved(std::move(range));
    }
    crash_in_thread();
  });
  CHECK(only_line(gone)["msg"] == "crash: SIGSEGV in the daemon's own code");
}

TEST_CASE("more files than can be watched are not watched, and harm nobody", "[crash]") {
  std::vector<CodeRange> ranges;
  for (std::size_t i = 0; i < CodeRange::ranges_max; ++i) {
    ranges.emplace_back(own_code(), some_plugin());
    CHECK(ranges.back().is_watched());
  }
  CHECK_FALSE(CodeRange(own_code(), some_plugin()).is_watched());
  ranges.clear();
  CHECK(CodeRange(own_code(), some_plugin()).is_watched());
  CHECK_FALSE(CodeRange(&ranges, some_plugin()).is_watched());
}

TEST_CASE("the line is JSON and within its bounds, whatever is in it", "[crash]") {
  CrashScene scene;
  scene.plugin = some_plugin();
  scene.plugin.file.assign("/plugins/caf\xc3\xa9 \"x\".so");
  scene.phase = "receive";
  scene.message_type.assign(std::string("\0\"\\\x7f\x1b[31m", 9));
  const auto text = json_line(scene, "f+0x1 a.so < g+0x2 b.so");
  const auto line = nlohmann::json::parse(text);
  CHECK(line["ts"] == "2026-11-23T04:26:21.007Z");
  CHECK(line["msg"] == "crash: SIGSEGV (stack overflow) in plugin code");
  CHECK(line["file"] == R"(/plugins/caf\xc3\xa9 "x".so)");
  CHECK(line["message"] == R"(\x00"\\\x7f\x1b[31m)");
  CHECK(line["thread"] == R"(a"b\\c\x0a)");
  CHECK(line["address"] == "0xabc");
  CHECK(line["stack"] == "f+0x1 a.so < g+0x2 b.so");
  CHECK_FALSE(line.contains("cut"));

  scene.plugin.file.assign(std::string(256, '\x01'));
  scene.message_type.assign(std::string(64, '\x02'));
  for (const std::size_t depth : {0U, 100U, 700U, 3000U}) {
    const auto full = json_line(scene, std::string(depth, 's'));
    CAPTURE(full);
    CHECK(full.size() <= log::log_line_bytes_max);
    CHECK(full.ends_with("}\n"));
    const auto parsed = nlohmann::json::parse(full);
    CHECK(parsed["plugin"] == "test.plugin");
    CHECK(parsed.contains("cut") == (depth == 3000));
  }
}

TEST_CASE("names are readable as far as they are plain", "[crash]") {
  for (const auto& [symbol, readable] : {
           std::pair{"main", "main"},
           {"_Z5crashSt17basic_string_view", "crash"},
           {"_ZL6createP6bs_ctx", "create"},
           {"_ZN7crasher6throwsEv", "crasher::throws"},
           {"_ZNK12_GLOBAL__N_16Window4drawEi", "Window::draw"},
           {"_ZN6CrashyC2EN9backstage6configE", "Crashy::Crashy"},
           {"_ZN6CrashyD0Ev", "Crashy::~Crashy"},
           {"_ZNSt6thread11_State_implINS_8_InvokerEE6_M_runEv", "std::thread::_State_impl..."},
           {"_ZSt9terminatev", "std::terminate"},
           {"_ZN3FoopLERKS_", "Foo..."},
           {"_ZplRK3FooS1_", "_ZplRK3FooS1_"},
           {"_Z", "_Z"},
           {"_ZN", "_ZN"},
           {"_Z99short", "_Z99short"},
           {"_ZN3FooE99999999999999999999x", "Foo"},
       }) {
    std::array<char, 200> room{};
    FixedText text(room);
    add_readable(text, symbol);
    CHECK(text.text() == readable);
  }
  std::array<char, 200> room{};
  FixedText text(room);
  add_readable(text, std::string(500, 'x'));
  CHECK(text.text() == std::string(120, 'x') + "...");
}

}  // namespace backstage::crash
