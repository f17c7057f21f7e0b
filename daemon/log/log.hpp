/// The daemon's log: lines to one descriptor by way of spdlog, never a failure, never a wait.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>

#include "daemon/log/line.hpp"

namespace backstage::log {

/// A place in the code that may speak too often: at most `lines_per_second_max` lines a second get
/// through, the rest is counted and told with the next line that does. Static or a member; lives as
/// long as it is used.
class LogSite {
 public:
  static constexpr std::uint32_t lines_per_second_max = 100;

  /// Whether this line may be written at `now`; `*suppressed` is how many were not since the last
  /// one that was. Counts are approximate when many threads meet at the turn of a second. [any]
  [[nodiscard]] bool admit(std::chrono::steady_clock::time_point now,
                           std::uint64_t* suppressed) noexcept;

 private:
  std::atomic<std::int64_t> second_{-1};
  std::atomic<std::uint32_t> lines_{0};
  std::atomic<std::uint64_t> suppressed_{0};
};

struct LogOptions {
  int fd = 2;
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::json;
  bool colour = false;
  /// Wall clock of the records; a test gives its own.
  std::chrono::system_clock::time_point (*now)() = &std::chrono::system_clock::now;
};

/// What suits `fd`: readable text on a terminal, in colour unless NO_COLOR or TERM=dumb says
/// otherwise; JSON lines elsewhere. [main]
[[nodiscard]] LogOptions options_for(int fd);

/// Thread-safe. A write that fails, or that would wait for a reader who has stopped reading, loses
/// its line and counts it; the process must ignore SIGPIPE and SIGXFSZ. Borrows the descriptor.
class Log final {
 public:
  explicit Log(LogOptions options);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  using Fields = std::initializer_list<LogField>;
  /// log.info("plugin loaded", {{"plugin", id}, {"types", count}}); [any]
  void trace(std::string_view message, Fields fields = {}) {
    add(LogLevel::trace, message, fields);
  }
  void debug(std::string_view message, Fields fields = {}) {
    add(LogLevel::debug, message, fields);
  }
  void info(std::string_view message, Fields fields = {}) { add(LogLevel::info, message, fields); }
  void warn(std::string_view message, Fields fields = {}) { add(LogLevel::warn, message, fields); }
  void error(std::string_view message, Fields fields = {}) {
    add(LogLevel::error, message, fields);
  }
  /// The same with a level of choice; `off` writes nothing.
  void add(LogLevel level, std::string_view message, Fields fields = {});
  /// Rate-limited by `site`; the line that follows suppressed ones carries `suppressed=N`.
  void add(LogLevel level, LogSite& site, std::string_view message, Fields fields = {});

  /// Whether a line of that level would be written: spares the work of building its fields. [any]
  [[nodiscard]] bool is_on(LogLevel level) const noexcept {
    return level >= level_.load(std::memory_order_relaxed) && level != LogLevel::off;
  }
  void set_level(LogLevel level) noexcept { level_.store(level, std::memory_order_relaxed); }
  /// Colour is used only with text. [any]
  void set_format(LogFormat format, bool colour) noexcept;
  [[nodiscard]] LogFormat format() const noexcept {
    return format_.load(std::memory_order_relaxed);
  }

  /// Lines that could not be written. [any]
  [[nodiscard]] std::uint64_t lost() const noexcept;

 private:
  class DescriptorSink;
  struct Library;  // spdlog's logger and our sink below it

  void emit(LogLevel level, std::string_view message, std::span<const LogField> fields);

  // Constant after construction
  std::chrono::system_clock::time_point (*const now_)();
  std::unique_ptr<Library> library_;
  // [any]
  std::atomic<LogLevel> level_;
  std::atomic<LogFormat> format_;
  std::atomic<bool> colour_;
  std::atomic<std::uint64_t> unworded_{0};  // lines lost before they reached the library
};

}  // namespace backstage::log
