/// Monitor: what engine, gateway and plugin host tell, as lines of the log.
///
/// A failure is logged here, once; names and reasons come from outside and are escaped by the log.
#pragma once
#include "core/observer.hpp"
#include "daemon/gateway/events.hpp"
#include "daemon/log/log.hpp"
#include "daemon/plugin_host/events.hpp"

namespace backstage::daemon {

class Monitor final : public Observer, public gateway::Events, public plugin_host::Events {
 public:
  explicit Monitor(log::Log& log) : log_(log) {}

  // Observer [any]
  void spawned(ActorId id, std::string_view name, std::string_view type) noexcept override;
  void started(ActorId id, std::string_view name, std::string_view type) noexcept override;
  void failed(ActorId id, std::string_view name, std::string_view reason) noexcept override;
  void restarting(ActorId id, std::string_view name, Duration after) noexcept override;
  void parked(ActorId id, std::string_view name, std::string_view reason) noexcept override;
  void abandoned(ActorId id, std::string_view name) noexcept override;
  void ended(ActorId id, std::string_view name, EndReason reason) noexcept override;
  void dead_letter(DeadCause cause, std::string_view target,
                   std::string_view reason) noexcept override;

  // gateway::Events [gateway]
  void session_opened(std::string_view name, const gateway::Peer& peer) noexcept override;
  void session_detached(std::string_view name, std::chrono::seconds within) noexcept override;
  void session_resumed(std::string_view name, const gateway::Peer& peer) noexcept override;
  void session_ended(std::string_view name, EndReason reason) noexcept override;
  void peer_refused(gateway::PeerId peer, std::string_view why) noexcept override;
  void ingest_refused(wire::Status status, std::string_view what) noexcept override;
  void ingest_stalled(std::string_view target) noexcept override;
  void ingest_resumed() noexcept override;
  void filter_refused(std::string_view filter) noexcept override;
  void connection_refused(std::string_view who, std::string_view why) noexcept override;
  void principal_revoked(std::string_view user, std::size_t sessions) noexcept override;
  void connection_cut(std::string_view user, std::string_view why) noexcept override;
  void gate_closed(std::size_t connections) noexcept override;
  void gate_opened(std::size_t connections) noexcept override;
  void trouble(std::string_view what) noexcept override;

  // plugin_host::Events
  void plugin_log(plugin_host::Level level, std::string_view plugin, std::string_view actor,
                  std::string_view text) noexcept override;
  void plugin_loaded(const plugin_host::PluginInfo& plugin) noexcept override;
  void plugin_refused(const plugin_host::PluginInfo& plugin) noexcept override;
  void plugin_pinned(const plugin_host::PluginInfo& plugin) noexcept override;
  void plugin_changed(const plugin_host::PluginInfo& plugin) noexcept override;
  void plugin_upgraded(const plugin_host::PluginInfo& plugin, const plugin_host::PluginInfo& former,
                       const plugin_host::UpgradeReport& report) noexcept override;
  void plugin_rolled_back(const plugin_host::PluginInfo& failed,
                          const plugin_host::PluginInfo& plugin,
                          const plugin_host::UpgradeReport& report) noexcept override;

 private:
  log::Log& log_;
  // What clients and plugins can cause at will is limited, each kind by itself.
  log::LogSite failures_;
  log::LogSite lives_;
  log::LogSite dead_letters_;
  log::LogSite sessions_;
  log::LogSite refusals_;
  log::LogSite strangers_;
  log::LogSite gate_;
  log::LogSite plugin_lines_;
};

}  // namespace backstage::daemon
