/// One log record as one line of text: pure, so that every byte of it can be tested.
#pragma once
#include <chrono>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace backstage::log {

enum class LogLevel : std::uint8_t { trace, debug, info, warn, error, off };
enum class LogFormat : std::uint8_t { text, json };

/// Lines end here, newline included: below PIPE_BUF, so that a line is written whole or not at all.
inline constexpr std::size_t log_line_bytes_max = 2048;

/// A named value of a record. Borrows its texts until the call that takes it returns.
class LogField {
 public:
  /// A name of our own (`plugin`, `actor`), snake_case; `ts`, `level` and `msg` are taken.
  template <std::convertible_to<std::string_view> Text>
  LogField(std::string_view key, const Text& text)
      : key_(key), value_(static_cast<std::string_view>(text)) {}
  LogField(std::string_view key, bool value) : key_(key), value_(value) {}
  template <std::signed_integral Number>
  LogField(std::string_view key, Number number)
      : key_(key), value_(static_cast<std::int64_t>(number)) {}
  template <std::unsigned_integral Number>
    requires(!std::same_as<Number, bool>)
  LogField(std::string_view key, Number number)
      : key_(key), value_(static_cast<std::uint64_t>(number)) {}
  LogField(std::string_view key, double number) : key_(key), value_(number) {}

  using Value = std::variant<std::string_view, bool, std::int64_t, std::uint64_t, double>;
  [[nodiscard]] std::string_view key() const noexcept { return key_; }
  [[nodiscard]] const Value& value() const noexcept { return value_; }

 private:
  std::string_view key_;
  Value value_;
};

struct LogRecord {
  std::chrono::system_clock::time_point time{};
  LogLevel level = LogLevel::info;
  std::string_view message{};
  std::span<const LogField> fields{};
};

/// The record as one line with its newline, at most log_line_bytes_max bytes (colour sequences not
/// counted); what does not fit is cut at a character and marked `cut`. JSON stays JSON when cut.
///
///     12:01:07.311 INFO  plugin loaded plugin=hello version=0.1.0
///     {"ts":"2026-11-22T12:01:07.311Z","level":"info","msg":"plugin loaded","plugin":"hello"}
///
/// Text time is local, JSON time UTC. [any]
[[nodiscard]] std::string format_line(const LogRecord& record, LogFormat format, bool colour);

/// `info`. [any]
[[nodiscard]] std::string_view name_of(LogLevel level) noexcept;

}  // namespace backstage::log
