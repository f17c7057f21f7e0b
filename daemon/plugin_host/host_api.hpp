/// HostApi: the table of functions that one generation calls back into. Each is one Context call.
#pragma once
#include <backstage/plugin.h>

#include <string>
#include <string_view>

#include "core/fwd.hpp"
#include "daemon/plugin_host/door.hpp"
#include "daemon/plugin_host/events.hpp"

namespace backstage::plugin_host {

class HostApi {
 public:
  /// `engine` and `events` must stay until close has returned, `version` as long as this object.
  HostApi(Engine& engine, Events& events, std::string plugin_id, const char* version);
  HostApi(const HostApi&) = delete;
  HostApi& operator=(const HostApi&) = delete;

  /// Valid as long as this object.
  [[nodiscard]] const bs_api* table() const noexcept { return &table_; }
  /// From now on log does nothing and post answers BS_E_STOPPING, from whatever thread. [loader]
  void close() noexcept { door_.close(); }

  // What the table's functions need of the world. [any]
  void log(Level level, std::string_view text) noexcept;
  [[nodiscard]] bs_status post(bs_addr to, const bs_out* out) noexcept;

 private:
  Engine& engine_;
  Events& events_;
  const std::string plugin_id_;
  Door door_;
  bs_api table_{};
};

/// The tables of timers/1, monitor/1 and interest/1; null for other ids. [any]
[[nodiscard]] const void* find_extension(std::string_view id) noexcept;

}  // namespace backstage::plugin_host
