/// PluginInfo: one plugin file as people and `$backstage plugins` see it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace backstage::plugin_host {

/// Where a file stands. loaded -> inited -> active -> retired | pinned; or rejected at any step.
enum class State : std::uint8_t {
  rejected,  ///< refused; nothing of it runs
  loaded,    ///< mapped, its entry has answered
  inited,    ///< its init has succeeded
  active,    ///< its types can be spawned
  retired,   ///< its fini has returned; the code stays mapped, unused
  pinned,    ///< it could not be retired: something of it may still run
};
inline constexpr std::size_t state_count = static_cast<std::size_t>(State::pinned) + 1;
/// `active`. [any]
[[nodiscard]] std::string_view token(State state) noexcept;

/// A copy; everything printable.
struct PluginInfo {
  std::string file;  ///< path in the plugin directory
  std::string id;    ///< empty when the file was refused before it could be read
  std::string version;
  std::string sha256;
  std::vector<std::string> types;
  State state = State::rejected;
  std::string code;               ///< of a refusal, else empty
  std::string reason;             ///< why rejected or pinned, else empty
  std::string fix;                ///< what to do about it, else empty
  std::uint64_t actors = 0;       ///< living now
  std::uint64_t actors_made = 0;  ///< since it was loaded
  std::uint64_t load_micros = 0;  ///< gate, staging, loading and init together
};

}  // namespace backstage::plugin_host
