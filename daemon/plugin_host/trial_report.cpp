// Reads a trial child's report, and the places in it.
#include "daemon/plugin_host/trial_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "daemon/plugin_gate/function_name.hpp"

namespace backstage::plugin_host {
namespace {

constexpr std::array<std::string_view, 5> phases{"none", "load", "entry", "descriptor", "state"};
// Far above what the child writes; what a plugin may add is no reason to take more.
constexpr std::size_t frames_max = 64;
constexpr std::size_t mappings_max = 4'096;
// Enough to find the place, few enough for a line.
constexpr std::size_t places_max = 8;

std::string_view take_until(std::string_view& text, char end) {
  const auto at = std::min(text.find(end), text.size());
  const auto taken = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return taken;
}

template <class Number>
Number number_of(std::string_view text, int base) {
  Number number{};
  std::from_chars(text.data(), text.data() + text.size(), number, base);
  return number;
}

bool take_word(std::string_view& line, std::string_view word) {
  if (!line.starts_with(word)) return false;
  line.remove_prefix(word.size());
  return true;
}

// Escaped already by the child, if it was the child who wrote it.
std::string cleaned(std::string_view text) {
  std::string out{text.substr(0, cause_bytes_max)};
  std::ranges::replace_if(out, [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

// "begin-end perms offset device inode   path"; only code is of interest.
void add_mapping(std::vector<TrialMapping>& mappings, std::string_view line) {
  TrialMapping mapping;
  mapping.begin = number_of<std::uintptr_t>(take_until(line, '-'), 16);
  mapping.end = number_of<std::uintptr_t>(take_until(line, ' '), 16);
  const auto rights = take_until(line, ' ');
  mapping.offset = number_of<std::uint64_t>(take_until(line, ' '), 16);
  take_until(line, ' ');
  take_until(line, ' ');
  if (rights.find('x') == std::string_view::npos || mappings.size() == mappings_max) return;
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  mapping.path = line;
  mappings.push_back(std::move(mapping));
}

// Anonymous memory has a name of its own, which the path it is opened by does not tell.
bool is_plugin(std::string_view mapped, std::string_view path) {
  return mapped == path || (path.starts_with("/proc/") && mapped.starts_with("/memfd:"));
}

std::string joined(const std::vector<std::pair<std::string, std::size_t>>& places) {
  std::string text;
  for (const auto& [place, times] : places) {
    if (!text.empty()) text += " < ";
    text += place;
    if (times > 1) text += fmt::format(" ({} times)", times);
  }
  return text;
}

}  // namespace

std::string_view token(TrialPhase phase) noexcept {
  return phases[static_cast<std::size_t>(phase)];
}

TrialReport parse_report(std::string_view text) {
  TrialReport report;
  bool is_in_maps = false;
  while (!text.empty()) {
    auto line = take_until(text, '\n');
    if (is_in_maps) {
      add_mapping(report.signal->mappings, line);
    } else if (take_word(line, "phase ")) {
      const auto found = std::ranges::find(phases, line);
      if (found != phases.end()) report.phase = static_cast<TrialPhase>(found - phases.begin());
    } else if (line == "ok") {
      report.is_ok = true;
    } else if (take_word(line, "refused ")) {
      Refusal refusal;
      refusal.code = known_token(take_until(line, '\t'));
      refusal.cause = cleaned(take_until(line, '\t'));
      refusal.fix = cleaned(line);
      if (!refusal.code.empty()) report.refusal = std::move(refusal);
    } else if (take_word(line, "signal ")) {
      auto& signal = report.signal.emplace();
      signal.number = number_of<int>(take_until(line, ' '), 16);
      signal.address = number_of<std::uintptr_t>(take_until(line, ' '), 16);
      signal.pc = number_of<std::uintptr_t>(line, 16);
    } else if (report.signal && take_word(line, "frame ")) {
      auto& frames = report.signal->frames;
      if (frames.size() < frames_max) frames.push_back(number_of<std::uintptr_t>(line, 16));
    } else if (report.signal && line == "maps") {
      is_in_maps = true;
    }
  }
  return report;
}

std::string report_line(const Refusal& refusal) {
  return fmt::format("refused {}\t{}\t{}\n", refusal.code, refusal.cause, refusal.fix);
}

std::string place_of(const TrialSignal& signal, std::string_view path,
                     std::span<const std::byte> image) {
  std::vector<std::pair<std::string, std::size_t>> places;
  for (const auto frame : signal.frames) {
    // A return address may already be the next function's.
    const auto at = frame == signal.pc ? frame : frame - 1;
    const auto found = std::ranges::find_if(signal.mappings, [at](const auto& mapping) {
      return mapping.begin <= at && at < mapping.end;
    });
    if (found == signal.mappings.end() || !is_plugin(found->path, path)) continue;
    const auto offset = at - found->begin + found->offset;
    auto place = plugin_gate::function_at(image, offset).value_or(fmt::format("+{:#x}", offset));
    if (!places.empty() && places.back().first == place) {
      ++places.back().second;
    } else if (places.size() < places_max) {
      places.emplace_back(std::move(place), 1);
    }
  }
  return joined(places);
}

}  // namespace backstage::plugin_host
