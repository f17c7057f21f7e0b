/// HostApi: the table of functions that one generation calls back into. Each is one Context call.
#pragma once
#include <backstage/plugin.h>

#include <cstddef>
#include <string_view>

#include "core/fwd.hpp"
#include "daemon/plugin_host/crash_scene.hpp"
#include "daemon/plugin_host/door.hpp"
#include "daemon/plugin_host/events.hpp"
#include "daemon/plugin_host/metrics.hpp"

namespace backstage::plugin_host {

/// Shown to plugins as bs_api::host_version.
extern const char* const host_version;
/// Longest state that one actor may save.
inline constexpr std::size_t state_bytes_max = std::size_t{64} << 20U;

class HostApi {
 public:
  /// `engine` and `events` must stay until close has returned, `version` as long as this object.
  HostApi(Engine& engine, Events& events, const PluginIdentity& plugin, const char* version);
  HostApi(const HostApi&) = delete;
  HostApi& operator=(const HostApi&) = delete;

  /// Valid as long as this object.
  [[nodiscard]] const bs_api* table() const noexcept { return &table_; }
  /// Whose calls these are. [any]
  [[nodiscard]] const PluginIdentity& plugin() const noexcept { return plugin_; }
  /// From now on log does nothing and post answers BS_E_STOPPING, from whatever thread. [loader]
  void close() noexcept { door_.close(); }

  /// What this generation counts. [any]
  [[nodiscard]] Metrics& metrics() noexcept { return metrics_; }

  // What the table's functions need of the world. [any]
  void log(Level level, std::string_view text) noexcept;
  [[nodiscard]] bs_status post(bs_addr to, const bs_out* out) noexcept;

 private:
  Engine& engine_;
  Events& events_;
  const PluginIdentity plugin_;
  Door door_;
  Metrics metrics_;
  bs_api table_{};
};

/// The tables of timers/1, monitor/1, interest/1, and metrics/1 of a HostApi; null for other ids.
/// [any]
[[nodiscard]] const void* find_extension(std::string_view id) noexcept;

/// metrics/1's open, on those of whatever host. [any]
[[nodiscard]] bs_status open_metric(Metrics& where, std::uint32_t kind, bs_slice name,
                                    std::uint32_t* id) noexcept;

}  // namespace backstage::plugin_host
