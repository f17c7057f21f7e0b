/// PluginInfo: one plugin file as people and `$backstage plugins` see it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/plugin_host/metrics.hpp"

namespace backstage::plugin_host {

/// Where a file stands. settling -> loaded -> inited -> (upgrading ->) active -> draining ->
/// retired -> unmapped; or rejected at any step up to active, or pinned at any after it.
enum class State : std::uint8_t {
  rejected,   ///< refused; nothing of it runs
  settling,   ///< seen, and left alone until it does not change any more
  loaded,     ///< mapped, its entry has answered
  inited,     ///< its init has succeeded
  upgrading,  ///< actors of the version before it are moving over, one turn each
  probation,  ///< active; the version before it is kept, to go back to
  active,     ///< its types can be spawned
  draining,   ///< no new actors; those that live go on
  retired,    ///< its fini has returned; the code is mapped, unused
  unmapped,   ///< gone from memory
  pinned,     ///< its code stays mapped until the process ends; reason says why
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
  std::uint64_t generation = 0;   ///< counts what this daemon has mapped, from 1; 0: never mapped
  std::string progress;           ///< of an upgrade, for people; else empty
  std::uint64_t failures = 0;     ///< of its actors, since it was loaded
  std::uint64_t actors = 0;       ///< living now
  std::uint64_t actors_made = 0;  ///< since it was loaded
  std::uint64_t load_micros = 0;  ///< gate, staging, loading and init together
  std::vector<Metric> metrics;    ///< what it counts itself
};

/// What became of a plugin's living actors when its generation changed.
struct UpgradeReport {
  std::size_t passed = 0;  ///< with their state
  std::size_t fresh = 0;   ///< without
  std::size_t kept = 0;    ///< stayed what they were
  std::string reason;      ///< of the first who stayed or should have; empty: nobody
};

}  // namespace backstage::plugin_host
