/// Refusal: why a plugin, or a whole directory of them, is not running: what, where, what to do.
#pragma once
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "daemon/plugin_gate/verdict.hpp"

namespace backstage::plugin_host {

/// What the host itself refuses, beside the gate's codes. Tokens are stable for ever.
enum class Code : std::uint8_t {
  staging_failed,       ///< no private copy could be made
  library_missing,      ///< a library it needs is not installed
  library_too_old,      ///< a library it needs is there, in an older version
  symbol_missing,       ///< it uses a symbol that nothing defines
  static_tls,           ///< it wants static thread-local storage, which is used up
  not_executable,       ///< the system refuses to map its code
  load_failed,          ///< the dynamic loader refuses it for another reason
  no_entry,             ///< it does not export backstage_plugin_v1
  entry_refused,        ///< its entry function returned NULL
  descriptor_bad,       ///< its descriptor lacks something or breaks the rules
  descriptor_mismatch,  ///< descriptor and note disagree
  init_failed,          ///< its init answered with a failure
  duplicate_id,         ///< another file carries the same plugin id in the same version
  duplicate_type,       ///< another plugin has an actor type of that name
  older_version,        ///< a higher version of the same plugin is there
  type_refused,         ///< the engine refuses one of its actor types
  private_library,      ///< an upgrade that would run on the library of the version before it
  incompatible,         ///< living actors cannot move to it
  upgrade_failed,       ///< an actor could not move to it, and all went back
  rolled_back,          ///< it failed on probation, or somebody asked for the one before it
  trial_failed,         ///< no process could be made to try it in; says nothing about the plugin
  trial_crashed,        ///< tried in a process of its own, it was ended by a signal
  trial_hung,           ///< there, it did not come to an end in time
  trial_exited,         ///< there, it ended the process, or cut it off from the daemon
  trial_meddled,        ///< there, it changed what belongs to the whole process
  quarantined,          ///< this very file crashed the daemon too often
};
inline constexpr std::size_t code_count = static_cast<std::size_t>(Code::quarantined) + 1;

/// The longest cause: a sentence, and what a plugin printed before it died.
inline constexpr std::size_t cause_bytes_max = 8'192;

/// The stable token: `SYMBOL_MISSING`. [any]
[[nodiscard]] std::string_view token(Code code) noexcept;
/// `text` as the token of the host or of the gate that it equals: static; empty when it is none.
/// [any]
[[nodiscard]] std::string_view known_token(std::string_view text) noexcept;

/// One refusal. All text is printable ASCII.
struct Refusal {
  std::string_view code;  ///< a token, of the gate or of the host; static
  std::string file;       ///< the path as given, escaped
  std::string cause;      ///< what is wrong, as a clause that follows the file name
  std::string fix;        ///< what to do next, as a sentence without a full stop

  /// `FILE: CAUSE; FIX [CODE]`. [any]
  [[nodiscard]] std::string text() const;
};

/// What makes a refusal of `file`; cause and fix are escaped here. [any]
[[nodiscard]] std::unexpected<Refusal> refuse(Code code, std::string_view file,
                                              std::string_view cause, std::string_view fix);
/// The gate's verdict as it is. [any]
[[nodiscard]] Refusal refusal_of(plugin_gate::Rejection rejection);

}  // namespace backstage::plugin_host
