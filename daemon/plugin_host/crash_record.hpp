/// CrashRecord: one crash as a line of the record that outlives the process.
///
/// The record is a file that is only appended to, one write() a line, so that a signal handler can
/// do it; each line begins a line of its own, whatever a torn one before it left. A line with
/// `forgotten` takes back what was recorded of a plugin before.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/plugin_host/crash_scene.hpp"
#include "daemon/plugin_host/fixed_text.hpp"

namespace backstage::plugin_host {

/// What is known when it happens.
struct CrashFacts {
  std::chrono::milliseconds time{};  ///< since 1970
  std::string_view signal;           ///< `SIGSEGV`
  std::string_view why;              ///< `address not mapped`, `stack overflow`
  const CrashScene& scene;
  std::string_view stack;  ///< the innermost first; cut where the line ends
};

/// What is known of it at the next start. Texts are as they were written: printable ASCII.
struct CrashEntry {
  std::chrono::milliseconds time{};
  std::string sha256;  ///< empty: of no plugin
  std::string id;
  std::string version;
  std::string signal;
  std::string why;
  std::string phase;
  std::string actor;
  std::string actor_type;
  std::string kind;
  std::string message_type;
  std::string stack;
  bool is_forgotten = false;  ///< no crash: those of `sha256` before it do not count any more

  /// `2026-11-23T04:12:01Z: SIGSEGV (address not mapped) in receive of actor a, type t, ...`. [any]
  [[nodiscard]] std::string sentence() const;
  /// The innermost frame of the plugin's own code, else of the stack. [any]
  [[nodiscard]] std::string_view place() const;
};

/// Longer lines are cut in their stack.
inline constexpr std::size_t crash_line_bytes_max = 2048;

/// Appends the line, with a newline before and after it. [signal handler]
void compose(FixedText& out, const CrashFacts& facts) noexcept;
/// The line that forgets. `sha256` is 64 digits. [any]
[[nodiscard]] std::string compose_forgotten(std::string_view sha256,
                                            std::chrono::milliseconds time);
/// A line without its newline; nothing when it is torn, or no such line at all. [any]
[[nodiscard]] std::optional<CrashEntry> parse_crash(std::string_view line);

}  // namespace backstage::plugin_host
