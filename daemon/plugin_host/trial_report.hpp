/// TrialReport: what a trial child says about itself, line by line, while it tries a plugin.
///
///   phase load|entry|descriptor|state      before each step
///   ok                                     or
///   refused CODE<tab>CAUSE<tab>FIX         the last line of a child that lived
///   signal NUMBER ADDRESS PC               from the handler of a fatal signal, hex without 0x,
///   then frame ADDRESS                          the innermost first, and maps /proc/self/maps to
///   the end
///
/// A plugin may write there too, or close it: nothing here is trusted, every line may be missing.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/plugin_host/refusal.hpp"

namespace backstage::plugin_host {

/// Exit code of a child that could not write its result: a number that programs seldom end with.
inline constexpr int exit_unreported = 119;

/// How far the child got.
enum class TrialPhase : std::uint8_t {
  none,        ///< it did not come to the plugin at all
  load,        ///< dlopen: libraries, symbols, static constructors
  entry,       ///< backstage_plugin_v1
  descriptor,  ///< reading what the entry returned
  state,       ///< looking for what it changed in the process
};
/// The word in the report. [any]
[[nodiscard]] std::string_view token(TrialPhase phase) noexcept;

/// Code as the child had it mapped.
struct TrialMapping {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  std::uint64_t offset = 0;
  std::string path;
};

/// A fatal signal, and where its thread was.
struct TrialSignal {
  int number = 0;
  std::uintptr_t address = 0;  ///< of the memory access
  std::uintptr_t pc = 0;       ///< of the instruction; the frame that equals it is no return
  std::vector<std::uintptr_t> frames;
  std::vector<TrialMapping> mappings;
};

struct TrialReport {
  TrialPhase phase = TrialPhase::none;
  bool is_ok = false;
  std::optional<Refusal> refusal;  ///< without a file; its code is a known token
  std::optional<TrialSignal> signal;
};

/// Any text is safe to pass. Reports beyond limits of the child's own are cut. [any]
[[nodiscard]] TrialReport parse_report(std::string_view text);
/// What the child writes for a refusal. [any]
[[nodiscard]] std::string report_line(const Refusal& refusal);

/// Where in the plugin that was: "book::Book()+0x12 < start+0x4", the innermost first, equal
/// neighbours as one. `path` is what the child mapped, `image` its bytes. Empty: not in the plugin,
/// or beyond what an unwinder sees. [any]
[[nodiscard]] std::string place_of(const TrialSignal& signal, std::string_view path,
                                   std::span<const std::byte> image);

}  // namespace backstage::plugin_host
