// Lines of tab-separated fields: a tag, the fields in fixed order, and an end that a torn one
// lacks.
#include "daemon/plugin_host/crash_record.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "daemon/plugin_gate/hash.hpp"

namespace backstage::plugin_host {
namespace {

constexpr std::string_view crash_tag = "crash/1";
constexpr std::string_view forgotten_tag = "forgotten/1";
constexpr std::string_view end_tag = "end";
// Tag, time, the ten texts of an entry before its stack, the stack, the end.
constexpr std::size_t fields_max = 14;
// "\tend\n"
constexpr std::size_t ending_bytes = 5;

struct Fields {
  std::array<std::string_view, fields_max> values;
  std::size_t count = 0;
};

// More fields than there may be leave the count too high by one.
Fields split(std::string_view line) {
  Fields fields;
  for (;;) {
    const auto tab = line.find('\t');
    if (fields.count == fields_max) return {{}, fields_max + 1};
    fields.values[fields.count++] = line.substr(0, tab);
    if (tab == std::string_view::npos) return fields;
    line.remove_prefix(tab + 1);
  }
}

std::optional<std::chrono::milliseconds> time_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size() || number < 0) return std::nullopt;
  return std::chrono::milliseconds{number};
}

// What was not escaped when it was written was not written by us.
bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

}  // namespace

void compose(FixedText& out, const CrashFacts& facts) noexcept {
  const auto& scene = facts.scene;
  out.add("\n").add(crash_tag).add("\t").add(facts.time.count());
  for (const auto text :
       {scene.plugin.sha256.text(), scene.plugin.id.text(), scene.plugin.version.text(),
        facts.signal, facts.why, scene.phase, scene.actor.text(), scene.actor_type.text(),
        scene.kind, scene.message_type.text()}) {
    out.add("\t").add_escaped(text);
  }
  out.add("\t");
  const auto left = out.room_left();
  out.add_escaped(facts.stack.substr(0, left > ending_bytes ? left - ending_bytes : 0));
  const auto room = out.text().size() + out.room_left();
  out.cut_back(room - ending_bytes);
  out.add("\t").add(end_tag).add("\n");
}

std::string compose_forgotten(std::string_view sha256, std::chrono::milliseconds time) {
  return fmt::format("\n{}\t{}\t{}\t{}\n", forgotten_tag, time.count(), sha256, end_tag);
}

std::optional<CrashEntry> parse_crash(std::string_view line) {
  const auto [values, count] = split(line);
  const bool is_crash = count == fields_max && values[0] == crash_tag;
  const bool is_forgotten = count == 4 && values[0] == forgotten_tag;
  if ((!is_crash && !is_forgotten) || values[count - 1] != end_tag) return std::nullopt;
  const auto time = time_of(values[1]);
  const bool is_of_nobody = is_crash && values[2].empty();
  if (!time || (!plugin_gate::is_sha256_hex(values[2]) && !is_of_nobody)) return std::nullopt;
  CrashEntry entry;
  entry.time = *time;
  entry.sha256 = values[2];
  entry.is_forgotten = is_forgotten;
  if (is_forgotten) return entry;
  std::size_t at = 3;
  for (auto* text :
       {&entry.id, &entry.version, &entry.signal, &entry.why, &entry.phase, &entry.actor,
        &entry.actor_type, &entry.kind, &entry.message_type, &entry.stack}) {
    if (!is_printable(values[at])) return std::nullopt;
    *text = values[at++];
  }
  return entry;
}

// The innermost function of the plugin's own: what it called (abort, memcpy) says less.
std::string_view CrashEntry::place() const {
  constexpr std::string_view between = " < ";
  const auto own = fmt::format("{}-{}-{}", id, version, sha256.substr(0, 8));
  const std::string_view all = stack;
  std::size_t begin = 0;
  if (const auto at = all.find(own); at != std::string_view::npos) {
    const auto before = all.rfind(between, at);
    begin = before == std::string_view::npos ? 0 : before + between.size();
  }
  return all.substr(begin, all.find(between, begin) - begin);
}

std::string CrashEntry::sentence() const {
  const std::chrono::sys_seconds at{std::chrono::floor<std::chrono::seconds>(time)};
  std::string text = fmt::format("{:%Y-%m-%dT%H:%M:%S}Z: {}", fmt::gmtime(at), signal);
  if (!why.empty()) text += fmt::format(" ({})", why);
  text += phase == "thread" ? " in a thread of its own" : fmt::format(" in {}", phase);
  if (!actor.empty()) text += fmt::format(" of actor {}, type {}", actor, actor_type);
  if (!kind.empty()) text += fmt::format(", at a {}", kind);
  if (!message_type.empty()) text += fmt::format(" of type {}", message_type);
  if (!stack.empty()) text += fmt::format(", in {}", place());
  return text;
}

}  // namespace backstage::plugin_host
