/// Events: what the plugin host tells the daemon; the daemon logs and counts.
#pragma once
#include <cstdint>
#include <string_view>

#include "daemon/plugin_host/plugin_info.hpp"

namespace backstage::plugin_host {

enum class Level : std::uint8_t { debug, info, warn, error };

/// Calls may come from several threads at once, from inside an actor's turn: must not block, throw
/// or call the host or the engine. Texts are borrowed and come from plugins: any bytes, to be
/// escaped by whoever writes them.
class Events {
 public:
  virtual ~Events() = default;
  /// A line of a plugin's log, at most log_bytes_max bytes. `actor` is empty outside of a turn.
  /// [any]
  virtual void plugin_log(Level level, std::string_view plugin, std::string_view actor,
                          std::string_view text) noexcept = 0;
  /// A file became an active plugin. [loader]
  virtual void plugin_loaded(const PluginInfo& plugin) noexcept = 0;
  /// A file was refused; code, reason and fix say why. [loader]
  virtual void plugin_refused(const PluginInfo& plugin) noexcept = 0;
  /// Its state is another one, whatever else is told of it. [loader]
  virtual void plugin_changed(const PluginInfo& plugin) noexcept = 0;
  /// The living actors of `former` are of `plugin` now; `report` counts them. [loader]
  virtual void plugin_upgraded(const PluginInfo& plugin, const PluginInfo& former,
                               const UpgradeReport& report) noexcept = 0;
  /// `failed` gave its actors back to `plugin`; its code and reason say why. [loader]
  virtual void plugin_rolled_back(const PluginInfo& failed, const PluginInfo& plugin,
                                  const UpgradeReport& report) noexcept = 0;
  /// Its code stays mapped until the process ends; reason says why. [loader]
  virtual void plugin_pinned(const PluginInfo& plugin) noexcept = 0;
};

/// Longer log lines of plugins are cut.
inline constexpr std::size_t log_bytes_max = 4096;

}  // namespace backstage::plugin_host
