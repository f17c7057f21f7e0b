// The same fields twice: key=value, or JSON.
#include "daemon/crash/line.hpp"

#include <array>
#include <chrono>

namespace backstage::crash {
namespace {

using plugin_host::FixedText;

// What the last field, the mark of a cut and the end of the line need.
constexpr std::size_t ending_bytes = 64;
// A dozen frames: worth more than a path so long that it would leave less.
constexpr std::size_t stack_bytes_min = 700;

// Escapes what is not printable ASCII, and what the quotes of either format want escaped.
void add_quoted(FixedText& out, std::string_view text, log::LogFormat format) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = text[i];
    if (c == '"') {
      out.add("\\\"");
    } else if (format == log::LogFormat::json && (c < 0x20 || c == 0x7f || c == '\\')) {
      // A backslash before each backslash that the escape has.
      out.add(c == '\\' ? "\\\\" : "\\");
      out.add_escaped(text.substr(i, 1));
    } else {
      out.add_escaped(text.substr(i, 1));
    }
  }
}

class Fields {
 public:
  Fields(FixedText& out, log::LogFormat format) noexcept : out_(out), format_(format) {}

  // Whole or not at all.
  void add(std::string_view key, std::string_view value) noexcept {
    if (value.empty()) return;
    const auto before = out_.text().size();
    begin(key);
    const bool quotes =
        format_ == log::LogFormat::json || value.find_first_of(" =\"") != std::string_view::npos;
    if (quotes) out_.add("\"");
    if (quotes) add_quoted(out_, value, format_);
    if (!quotes) out_.add_escaped(value);
    if (quotes) out_.add("\"");
    if (out_.room_left() < room_kept_) out_.cut_back(before);
  }
  // What fits once all the others are there, up to its last byte.
  void add_last(std::string_view key, std::string_view value) noexcept {
    const auto left = out_.room_left();
    const auto fitting = value.substr(0, left > ending_bytes ? left - ending_bytes : 0);
    room_kept_ = 0;
    add(key, fitting);
    if (fitting.size() < value.size()) add_mark();
  }
  void add(std::string_view key, std::int64_t value) noexcept {
    begin(key);
    out_.add(value);
  }

 private:
  void begin(std::string_view key) noexcept {
    if (format_ == log::LogFormat::json) {
      out_.add(",\"").add(key).add("\":");
    } else {
      out_.add(" ").add(key).add("=");
    }
  }

  void add_mark() noexcept { out_.add(format_ == log::LogFormat::json ? ",\"cut\":true" : " cut"); }

  FixedText& out_;
  const log::LogFormat format_;
  std::size_t room_kept_ = stack_bytes_min + ending_bytes;
};

void add_padded(FixedText& out, std::int64_t number, int digits) noexcept {
  std::int64_t limit = 1;
  for (int i = 1; i < digits; ++i) limit *= 10;
  for (; limit > 1 && number < limit; limit /= 10) out.add("0");
  out.add(number);
}

// As the calendar has it, without the time zone's tables: those need a lock.
void add_time(FixedText& out, std::chrono::milliseconds since, bool with_date) noexcept {
  const auto day = std::chrono::floor<std::chrono::days>(since);
  const std::chrono::year_month_day date{std::chrono::sys_days{day}};
  const std::chrono::hh_mm_ss time{since - day};
  if (with_date) {
    add_padded(out, int{date.year()}, 4);
    out.add("-");
    add_padded(out, unsigned{date.month()}, 2);
    out.add("-");
    add_padded(out, unsigned{date.day()}, 2);
    out.add("T");
  }
  add_padded(out, time.hours().count(), 2);
  out.add(":");
  add_padded(out, time.minutes().count(), 2);
  out.add(":");
  add_padded(out, time.seconds().count(), 2);
  out.add(".");
  add_padded(out, time.subseconds().count(), 3);
}

void add_head(FixedText& out, const CrashLine& line, log::LogFormat format) noexcept {
  const auto& facts = line.facts;
  if (format == log::LogFormat::json) {
    out.add("{\"ts\":\"");
    add_time(out, facts.time, true);
    out.add("Z\",\"level\":\"error\",\"msg\":\"");
  } else {
    add_time(out, facts.time + std::chrono::seconds{line.utc_offset}, false);
    out.add(" ERROR ");
  }
  out.add("crash: ").add(facts.signal);
  if (facts.why == "stack overflow") out.add(" (stack overflow)");
  if (line.sender != 0) {
    out.add(" sent by another process");
  } else if (!facts.scene.has_culprit()) {
    out.add(" in the daemon's own code");
  } else if (facts.scene.phase == "thread") {
    out.add(" in a thread that a plugin started");
  } else {
    out.add(" in plugin code");
  }
  if (format == log::LogFormat::json) out.add("\"");
}

std::string_view next_step(const CrashLine& line) noexcept {
  if (line.sender != 0) return "see who sent it";
  if (!line.facts.scene.has_culprit())
    return "please report this, with the core dump if there is one";
  return "mend the plugin or take it out; after crashes_max of these it is kept out at the next "
         "start";
}

}  // namespace

void format_crash(FixedText& out, const CrashLine& line, log::LogFormat format) noexcept {
  const auto& facts = line.facts;
  const auto& scene = facts.scene;
  add_head(out, line, format);
  Fields fields(out, format);
  fields.add("plugin", scene.plugin.id.text());
  fields.add("version", scene.plugin.version.text());
  fields.add("sha256", scene.plugin.sha256.text());
  fields.add("build_id", scene.plugin.build_id.text());
  fields.add("file", scene.plugin.file.text());
  fields.add("actor", scene.actor.text());
  fields.add("type", scene.actor_type.text());
  fields.add("phase", scene.phase);
  fields.add("kind", scene.kind);
  fields.add("message", scene.message_type.text());
  fields.add("signal", facts.signal);
  fields.add("cause", facts.why);
  if (line.has_address) {
    std::array<char, 20> room{};
    FixedText address(room);
    fields.add("address", address.add("0x").add(line.address, 16).text());
  }
  if (line.sender != 0) fields.add("sender_pid", std::int64_t{line.sender});
  fields.add("thread", line.thread);
  fields.add("next", next_step(line));
  // The stack is what gives way. Its names have no bytes that grow when they are escaped.
  fields.add_last("stack", facts.stack);
  out.add(format == log::LogFormat::json ? "}\n" : "\n");
}

}  // namespace backstage::crash
