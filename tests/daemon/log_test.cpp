// The log: what a line looks like, that nothing can forge one, and that no failure stops anything.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "daemon/log/log.hpp"
#include "daemon/text/escape.hpp"
#include "tests/support/catch.hpp"

namespace backstage::log {
namespace {

using namespace std::chrono_literals;

std::chrono::system_clock::time_point noon() {
  return std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 12h + 1min + 7s + 42ms;
}

std::string line(std::string_view message, std::initializer_list<LogField> fields,
                 LogFormat format = LogFormat::text, bool colour = false) {
  return format_line({noon(), LogLevel::info, message, {fields.begin(), fields.size()}}, format,
                     colour);
}

// Without the local time, which depends on the machine.
std::string text(std::string_view message, std::initializer_list<LogField> fields = {}) {
  return line(message, fields).substr(std::string_view{"12:01:07.042 "}.size());
}

class Pipe {
 public:
  Pipe() { REQUIRE(::pipe2(ends_, O_CLOEXEC | O_NONBLOCK) == 0); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_reader();
    ::close(ends_[1]);
  }
  void close_reader() {
    if (ends_[0] >= 0) ::close(ends_[0]);
    ends_[0] = -1;
  }
  [[nodiscard]] int writer() const { return ends_[1]; }
  [[nodiscard]] std::string read() const {
    std::string all;
    char buffer[65536];
    for (ssize_t count = 0; (count = ::read(ends_[0], buffer, sizeof buffer)) > 0;) {
      all.append(buffer, static_cast<std::size_t>(count));
    }
    return all;
  }

 private:
  int ends_[2] = {-1, -1};
};

std::vector<std::string> lines_of(const std::string& all) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (auto end = all.find('\n'); end != std::string::npos; end = all.find('\n', begin)) {
    lines.push_back(all.substr(begin, end - begin));
    begin = end + 1;
  }
  CHECK(begin == all.size());
  return lines;
}

// Names as an attacker would choose them.
const std::vector<std::string> nasty{"a\nERROR forged",
                                     "\x1b[31mred",
                                     "a\"b",
                                     "%n%s",
                                     "${jndi:ldap://x}",
                                     "\xff\xfe",
                                     "\u202eabc",
                                     "a\u2028b",
                                     "\x7f\x08",
                                     "a\\b",
                                     "=",
                                     " ",
                                     std::string("a\0b", 3),
                                     "\u0085",
                                     "\xc2",
                                     "\r",
                                     "\xed\xa0\x80",
                                     "\xc0\x8a"};

}  // namespace

TEST_CASE("a text line has time, level, message and key=value fields", "[log]") {
  CHECK(line("x", {}).substr(2, 1) == ":");
  CHECK(line("x", {}).substr(6, 8) == "07.042 I");
  CHECK(text("plugin loaded", {{"plugin", "hello"}, {"types", 3}, {"ok", true}, {"ratio", 0.5}}) ==
        "INFO  plugin loaded plugin=hello types=3 ok=true ratio=0.5\n");
  CHECK(text("m", {{"a", ""}, {"b", "two words"}, {"c", "say \"hi\""}, {"d", "k=v"}}) ==
        "INFO  m a=\"\" b=\"two words\" c=\"say \\\"hi\\\"\" d=\"k=v\"\n");
  CHECK(text("m", {{"i", -5}, {"u", ~std::uint64_t{0}}, {"s", std::string{"v"}}}) ==
        "INFO  m i=-5 u=18446744073709551615 s=v\n");
}

TEST_CASE("a JSON line has UTC time and typed fields", "[log]") {
  CHECK(line("plugin loaded", {{"plugin", "hello"}, {"types", 3}, {"ok", false}, {"ratio", 0.5}},
             LogFormat::json) ==
        "{\"ts\":\"2026-11-22T12:01:07.042Z\",\"level\":\"info\",\"msg\":\"plugin loaded\","
        "\"plugin\":\"hello\",\"types\":3,\"ok\":false,\"ratio\":0.5}\n");
  const auto odd = line("m",
                        {{"n", std::numeric_limits<double>::quiet_NaN()},
                         {"i", std::numeric_limits<double>::infinity()}},
                        LogFormat::json);
  CHECK(nlohmann::json::parse(odd).at("n") == "nan");
}

TEST_CASE("colour is around the level and nowhere else", "[log]") {
  const auto coloured = line("m", {{"a", "\x1b[0m"}}, LogFormat::text, true);
  CHECK(coloured.substr(13) == "\x1b[32mINFO \x1b[0m m a=\\x1b[0m\n");
  CHECK(line("m", {}, LogFormat::json, true).find('\x1b') == std::string::npos);
}

TEST_CASE("no name or payload can forge a line or a terminal sequence", "[log]") {
  for (const auto& name : nasty) {
    CAPTURE(text::escape(name));
    for (const auto format : {LogFormat::text, LogFormat::json}) {
      const auto made = line(name, {{"actor", name}, {name, 1}}, format);
      CHECK(std::ranges::count(made, '\n') == 1);
      CHECK(made.back() == '\n');
      for (const char c : made.substr(0, made.size() - 1)) {
        CHECK((static_cast<unsigned char>(c) >= 0x20 && c != 0x7f));
      }
      for (const char* mark : {"\u202e", "\u2028", "\u0085"}) {
        CHECK(made.find(mark) == std::string::npos);
      }
      CHECK(nlohmann::json::accept(nlohmann::json(made).dump()));
    }
    const auto parsed = nlohmann::json::parse(line("m", {{"actor", name}}, LogFormat::json));
    CHECK(parsed.at("actor") == text::escape(name));
  }
}

TEST_CASE("escaping keeps what people write and tells what was escaped", "[log]") {
  CHECK(text::escape("h\u00e9llo \u4e16\u754c \U0001f600") == "h\u00e9llo \u4e16\u754c \U0001f600");
  CHECK(text::escape("a\nb") == "a\\x0ab");
  CHECK(text::escape("a\\x0ab") == "a\\\\x0ab");
  CHECK(text::printable("a\\b\n") == "a\\b\\x0a");
  CHECK(text::escape("\u202e") == "\\xe2\\x80\\xae");
  CHECK(text::escape("\u061c\u200e\u200f\u2066\u2069\ufeff").find("\\xd8\\x9c") == 0);
  CHECK(text::escape("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");
  CHECK(text::escape("\xf0\x80\x80\x80") == "\\xf0\\x80\\x80\\x80");
  CHECK(text::escape("\xe4\xb8") == "\\xe4\\xb8");
  CHECK(text::escape("").empty());
}

TEST_CASE("a line never exceeds 2 KiB, and cut JSON is still JSON", "[log]") {
  const std::vector<std::string> fillers{"a", "\"", "\\", "\x01", "\u00e9", "\U0001f600"};
  for (const auto& filler : fillers) {
    for (std::size_t count = 150; count <= 2100; count += 13) {
      std::string value;
      for (std::size_t i = 0; i < count; ++i) value += filler;
      const auto json =
          line("message", {{"v", value}, {"n", 12345}, {"w", value}}, LogFormat::json);
      REQUIRE(json.size() <= log_line_bytes_max);
      const auto parsed = nlohmann::json::parse(json, nullptr, false);
      CAPTURE(filler, count);
      REQUIRE_FALSE(parsed.is_discarded());
      const bool whole = parsed.value("v", "") == text::escape(value) && parsed.contains("n") &&
                         parsed.value("w", "") == text::escape(value);
      REQUIRE(parsed.value("cut", false) != whole);
      REQUIRE(line(value, {{"v", value}}).size() <= log_line_bytes_max);
    }
  }
  CHECK(line("m", {{"v", std::string(5000, 'x')}}).ends_with("x cut\n"));
  CHECK(line("m", {{std::string(5000, 'k'), 1}}, LogFormat::json).ends_with(",\"cut\":true}\n"));
}

TEST_CASE("levels below the chosen one are not written, and the choice can change", "[log]") {
  const Pipe pipe;
  Log log{{.fd = pipe.writer(), .level = LogLevel::warn, .format = LogFormat::text, .now = &noon}};
  log.info("no");
  log.warn("first");
  CHECK_FALSE(log.is_on(LogLevel::info));
  log.set_level(LogLevel::trace);
  log.trace("second");
  log.debug("third");
  log.set_level(LogLevel::off);
  log.error("no");
  log.add(LogLevel::off, "no");
  log.set_level(LogLevel::error);
  log.set_format(LogFormat::json, false);
  log.error("fourth");
  const auto lines = lines_of(pipe.read());
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].ends_with("WARN  first"));
  CHECK(lines[1].ends_with("TRACE second"));
  CHECK(lines[2].ends_with("DEBUG third"));
  CHECK(nlohmann::json::parse(lines[3]).at("level") == "error");
  CHECK(log.lost() == 0);
}

TEST_CASE("lines from many threads stay whole", "[log]") {
  const Pipe pipe;
  Log log{{.fd = pipe.writer(), .format = LogFormat::json}};
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&log, t] {
      for (int i = 0; i < 100; ++i) log.info("line", {{"thread", t}, {"i", i}});
    });
  }
  threads.clear();
  const auto lines = lines_of(pipe.read());
  CHECK(lines.size() == 400);
  CHECK(std::ranges::all_of(lines, [](const auto& l) { return nlohmann::json::accept(l); }));
}

TEST_CASE("a failing write is counted and nothing else happens", "[log]") {
  // As the daemon does at its start.
  std::signal(SIGPIPE, SIG_IGN);
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  REQUIRE(full >= 0);
  Log to_full{{.fd = full}};
  to_full.info("x");
  to_full.info("y");
  CHECK(to_full.lost() == 2);
  ::close(full);

  Pipe pipe;
  pipe.close_reader();
  Log to_nobody{{.fd = pipe.writer()}};
  to_nobody.info("x");
  CHECK(to_nobody.lost() == 1);

  Log to_closed{{.fd = -1}};
  to_closed.info("x");
  CHECK(to_closed.lost() == 1);
}

TEST_CASE("a reader that has stopped reading costs lines, not time, and can come back", "[log]") {
  const Pipe pipe;
  // A blocking writer, as standard error is.
  REQUIRE(::fcntl(pipe.writer(), F_SETFL, 0) == 0);
  Log log{{.fd = pipe.writer()}};
  const std::string big(1000, 'x');
  for (int i = 0; i < 2000; ++i) log.info(big);
  CHECK(log.lost() > 1000);
  const auto lost = log.lost();
  const auto lines = lines_of(pipe.read());
  CHECK(lines.size() + lost == 2000);
  log.info("again");
  CHECK(log.lost() == lost);
  CHECK(pipe.read().find("again") != std::string::npos);
}

TEST_CASE("a site that speaks too often is limited and says how much was left out", "[log]") {
  LogSite site;
  const std::chrono::steady_clock::time_point start{100s};
  std::uint64_t suppressed = 0;
  std::uint32_t admitted = 0;
  for (int i = 0; i < 250; ++i) admitted += site.admit(start + 1ms * i, &suppressed) ? 1U : 0U;
  CHECK(admitted == LogSite::lines_per_second_max);
  CHECK(suppressed == 0);
  REQUIRE(site.admit(start + 1s, &suppressed));
  CHECK(suppressed == 150);
  REQUIRE(site.admit(start + 1s, &suppressed));
  CHECK(suppressed == 0);

  const Pipe pipe;
  Log log{{.fd = pipe.writer(), .level = LogLevel::warn}};
  LogSite busy;
  for (int i = 0; i < 50; ++i) log.add(LogLevel::info, busy, "off");
  for (int i = 0; i < 50; ++i) log.add(LogLevel::warn, busy, "on", {{"i", i}});
  CHECK(lines_of(pipe.read()).size() == 50);
}

TEST_CASE("what is not a terminal gets JSON without colour", "[log]") {
  const Pipe pipe;
  const auto options = options_for(pipe.writer());
  CHECK(options.fd == pipe.writer());
  CHECK(options.format == LogFormat::json);
  CHECK_FALSE(options.colour);
}

TEST_CASE("a terminal gets text, in colour unless it or the user cannot have it", "[log]") {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  REQUIRE(terminal >= 0);
  REQUIRE(::grantpt(terminal) == 0);
  REQUIRE(::unlockpt(terminal) == 0);
  const int slave = ::open(::ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
  REQUIRE(slave >= 0);
  const auto colour_with = [slave](const char* term, const char* no_colour) {
    ::setenv("TERM", term, 1);
    ::setenv("NO_COLOR", no_colour, 1);
    const auto options = options_for(slave);
    CHECK(options.format == LogFormat::text);
    return options.colour;
  };
  CHECK(colour_with("xterm", ""));
  CHECK_FALSE(colour_with("xterm", "1"));
  CHECK_FALSE(colour_with("dumb", ""));
  ::unsetenv("NO_COLOR");
  ::close(slave);
  ::close(terminal);
}

}  // namespace backstage::log
