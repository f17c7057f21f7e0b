// Builds a line within its budget, character by character where the text is not ours.
#include "daemon/log/line.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "daemon/text/escape.hpp"

namespace backstage::log {
namespace {

// Room kept for the longest ending: `","cut":true}` and the newline.
constexpr std::size_t ending_bytes = 16;
constexpr std::size_t body_bytes_max = log_line_bytes_max - ending_bytes;

class LineBuilder {
 public:
  [[nodiscard]] bool cut() const noexcept { return cut_; }
  [[nodiscard]] std::string& text() noexcept { return text_; }

  // Text of ours: whole or not at all.
  void add(std::string_view ours) {
    if (cut_ || text_.size() + ours.size() > body_bytes_max) {
      cut_ = true;
    } else {
      text_ += ours;
    }
  }

  // Text of theirs: escaped, up to the last character that fits. Inside quotes, quotes are escaped
  // too, and in JSON the backslash of every escape is doubled, as JSON wants it.
  enum class Place : std::uint8_t { bare, quoted, json };
  void add_escaped(std::string_view theirs, Place place) {
    while (!theirs.empty() && !cut_) {
      const text::Unit unit = text::first_unit(theirs);
      unit_.clear();
      if (!unit.safe) {
        text::append_hex(unit_, unit.bytes);
      } else if (unit.bytes == "\\") {
        unit_ = "\\\\";
      } else {
        unit_ = unit.bytes;
      }
      if (place == Place::quoted && unit.bytes == "\"") unit_ = "\\\"";
      if (place == Place::json) to_json();
      add(unit_);
      theirs.remove_prefix(unit.bytes.size());
    }
  }

 private:
  void to_json() {
    std::string doubled;
    for (const char c : unit_) {
      if (c == '\\' || c == '"') doubled += '\\';
      doubled += c;
    }
    unit_ = doubled;
  }

  std::string text_;
  std::string unit_;
  bool cut_ = false;
};

using Place = LineBuilder::Place;

bool needs_quotes(std::string_view value) noexcept {
  return value.empty() || value.find_first_of(" =\"") != std::string_view::npos;
}

std::string number_text(const LogField::Value& value, bool json) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return std::to_string(*number);
  const double number = std::get<double>(value);
  // JSON has no word for these; a text keeps the line valid.
  if (json && !std::isfinite(number)) return fmt::format("\"{}\"", number);
  return fmt::format("{}", number);
}

int milliseconds_of(std::chrono::system_clock::time_point time) {
  const auto since = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
  return static_cast<int>((since - std::chrono::floor<std::chrono::seconds>(since)).count());
}

std::tm broken_down(std::chrono::system_clock::time_point time, bool utc) {
  const std::time_t seconds =
      std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
  std::tm parts{};
  if (utc) {
    gmtime_r(&seconds, &parts);
  } else {
    localtime_r(&seconds, &parts);
  }
  return parts;
}

struct Look {
  std::string_view label;
  std::string_view colour;
};

constexpr std::array<Look, 6> looks{{{"TRACE", "\x1b[2m"},
                                     {"DEBUG", "\x1b[2m"},
                                     {"INFO ", "\x1b[32m"},
                                     {"WARN ", "\x1b[33m"},
                                     {"ERROR", "\x1b[31m"},
                                     {"OFF  ", ""}}};

std::string text_line(const LogRecord& record, bool colour) {
  LineBuilder line;
  line.add(fmt::format("{:%H:%M:%S}.{:03} ", broken_down(record.time, false),
                       milliseconds_of(record.time)));
  const auto label_at = line.text().size();
  const Look look = looks[static_cast<std::size_t>(record.level)];
  line.add(look.label);
  line.add(" ");
  line.add_escaped(record.message, Place::bare);
  for (const LogField& field : record.fields) {
    line.add(" ");
    line.add_escaped(field.key(), Place::bare);
    line.add("=");
    if (const auto* text = std::get_if<std::string_view>(&field.value())) {
      const bool quotes = needs_quotes(*text);
      if (quotes) line.add("\"");
      line.add_escaped(*text, quotes ? Place::quoted : Place::bare);
      if (quotes) line.add("\"");
    } else {
      line.add(number_text(field.value(), false));
    }
  }
  std::string out = std::move(line.text());
  if (line.cut()) out += " cut";
  if (colour) {
    out.insert(label_at + look.label.size(), "\x1b[0m");
    out.insert(label_at, look.colour);
  }
  return out + '\n';
}

// `,"key":"` and a text; a text that is cut still gets its closing quote, from the reserved ending.
void add_json_text(LineBuilder& line, std::string_view prefix, std::string_view key,
                   std::string_view value) {
  const auto before = line.text().size();
  line.add(prefix);
  line.add("\"");
  line.add_escaped(key, Place::json);
  line.add("\":\"");
  if (line.cut()) {
    line.text().resize(before);
    return;
  }
  line.add_escaped(value, Place::json);
  line.text() += '"';
}

void add_json_value(LineBuilder& line, std::string_view key, std::string_view value) {
  const auto before = line.text().size();
  line.add(",\"");
  line.add_escaped(key, Place::json);
  line.add("\":");
  line.add(value);
  if (line.cut()) line.text().resize(before);
}

std::string json_line(const LogRecord& record) {
  LineBuilder line;
  const auto time = fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", broken_down(record.time, true),
                                milliseconds_of(record.time));
  add_json_text(line, "{", "ts", time);
  add_json_text(line, ",", "level", name_of(record.level));
  add_json_text(line, ",", "msg", record.message);
  for (const LogField& field : record.fields) {
    if (line.cut()) break;
    if (const auto* text = std::get_if<std::string_view>(&field.value())) {
      add_json_text(line, ",", field.key(), *text);
    } else {
      add_json_value(line, field.key(), number_text(field.value(), true));
    }
  }
  std::string out = std::move(line.text());
  if (line.cut()) out += ",\"cut\":true";
  return out + "}\n";
}

}  // namespace

std::string_view name_of(LogLevel level) noexcept {
  constexpr std::array<std::string_view, 6> names{"trace", "debug", "info", "warn", "error", "off"};
  return names[static_cast<std::size_t>(level)];
}

std::string format_line(const LogRecord& record, LogFormat format, bool colour) {
  return format == LogFormat::json ? json_line(record) : text_line(record, colour);
}

}  // namespace backstage::log
