#include "daemon/monitor.hpp"

#include <fmt/ranges.h>

#include <chrono>

namespace backstage::daemon {

void Monitor::spawned(ActorId, std::string_view name, std::string_view type) noexcept {
  if (!log_.is_on(log::LogLevel::debug)) return;
  log_.add(log::LogLevel::debug, lives_, "actor spawned", {{"actor", name}, {"type", type}});
}

void Monitor::started(ActorId, std::string_view name, std::string_view type) noexcept {
  if (!log_.is_on(log::LogLevel::debug)) return;
  log_.add(log::LogLevel::debug, lives_, "actor started", {{"actor", name}, {"type", type}});
}

void Monitor::failed(ActorId, std::string_view name, std::string_view reason) noexcept {
  log_.add(log::LogLevel::warn, failures_, "actor failed", {{"actor", name}, {"reason", reason}});
}

void Monitor::restarting(ActorId, std::string_view name, Duration after) noexcept {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(after).count();
  log_.add(log::LogLevel::info, lives_, "actor restarts", {{"actor", name}, {"after_ms", ms}});
}

void Monitor::parked(ActorId, std::string_view name, std::string_view reason) noexcept {
  log_.error(
      "actor parked: it failed too often and takes no messages",
      {{"actor", name},
       {"reason", reason},
       {"next",
        R"(mend the cause, then send $backstage {"op":"unpark","name":...}; its mail waits)"}});
}

void Monitor::abandoned(ActorId, std::string_view name) noexcept {
  log_.error("actor abandoned: it was killed and its handler does not return",
             {{"actor", name},
              {"next", "its name is free again; its thread is lost until the handler returns"}});
}

void Monitor::ended(ActorId, std::string_view name, EndReason reason) noexcept {
  if (!log_.is_on(log::LogLevel::debug)) return;
  log_.add(log::LogLevel::debug, lives_, "actor ended",
           {{"actor", name}, {"reason", token(reason)}});
}

void Monitor::dead_letter(DeadCause cause, std::string_view target,
                          std::string_view reason) noexcept {
  log_.add(log::LogLevel::warn, dead_letters_, "dead letter",
           {{"target", target}, {"cause", token(cause)}, {"reason", reason}});
}

void Monitor::session_opened(std::string_view name, const gateway::Peer& peer) noexcept {
  log_.add(log::LogLevel::info, sessions_, "session opened",
           {{"session", name},
            {"socket", peer.kind == gateway::SocketKind::req ? "REQ" : "DEALER"},
            {"user", peer.user_id.text()}});
}

void Monitor::session_detached(std::string_view name, std::chrono::seconds within) noexcept {
  log_.add(log::LogLevel::info, sessions_, "session detached",
           {{"session", name}, {"waits_s", static_cast<std::uint64_t>(within.count())}});
}

void Monitor::session_resumed(std::string_view name, const gateway::Peer& peer) noexcept {
  log_.add(log::LogLevel::info, sessions_, "session resumed",
           {{"session", name}, {"user", peer.user_id.text()}});
}

void Monitor::session_ended(std::string_view name, EndReason reason) noexcept {
  const bool is_slow = reason == EndReason::slow_consumer;
  log_.add(is_slow ? log::LogLevel::warn : log::LogLevel::info, sessions_, "session ended",
           {{"session", name}, {"reason", token(reason)}});
}

void Monitor::peer_refused(gateway::PeerId peer, std::string_view why) noexcept {
  log_.add(log::LogLevel::warn, refusals_, "connection not served",
           {{"peer", static_cast<std::uint64_t>(peer)}, {"why", why}});
}

void Monitor::ingest_refused(wire::Status status, std::string_view what) noexcept {
  log_.add(log::LogLevel::warn, refusals_, "ingest refused a message",
           {{"code", status.number}, {"token", status.token}, {"line", what}});
}

void Monitor::ingest_stalled(std::string_view target) noexcept {
  log_.add(log::LogLevel::warn, refusals_, "ingest waits for a full mailbox", {{"target", target}});
}

void Monitor::ingest_resumed() noexcept {
  log_.add(log::LogLevel::info, refusals_, "ingest goes on");
}

void Monitor::filter_refused(std::string_view filter) noexcept {
  log_.add(log::LogLevel::warn, refusals_, "a SUB filter over the limit gets nothing",
           {{"filter", filter}});
}

void Monitor::connection_refused(std::string_view who, std::string_view why) noexcept {
  log_.add(log::LogLevel::warn, strangers_, "connection refused", {{"who", who}, {"why", why}});
}

void Monitor::principal_revoked(std::string_view user, std::size_t sessions) noexcept {
  log_.warn("key revoked: its sessions are ended", {{"user", user}, {"sessions", sessions}});
}

void Monitor::connection_cut(std::string_view user, std::string_view why) noexcept {
  log_.add(log::LogLevel::warn, strangers_, "connection cut", {{"user", user}, {"why", why}});
}

void Monitor::gate_closed(std::size_t connections) noexcept {
  log_.add(log::LogLevel::warn, gate_, "no more connections are let in until some leave",
           {{"connections", connections},
            {"next", "raise gateway.limits.connections_max, and LimitNOFILE with it"}});
}

void Monitor::gate_opened(std::size_t connections) noexcept {
  log_.add(log::LogLevel::info, gate_, "connections are let in again",
           {{"connections", connections}});
}

void Monitor::trouble(std::string_view what) noexcept {
  log_.error("the gateway caught an exception and goes on; please report this", {{"what", what}});
}

void Monitor::plugin_log(plugin_host::Level level, std::string_view plugin, std::string_view actor,
                         std::string_view text) noexcept {
  const auto at =
      static_cast<log::LogLevel>(static_cast<int>(log::LogLevel::debug) + static_cast<int>(level));
  log_.add(at, plugin_lines_, text, {{"plugin", plugin}, {"actor", actor}});
}

void Monitor::plugin_loaded(const plugin_host::PluginInfo& plugin) noexcept {
  log_.info("plugin loaded", {{"plugin", plugin.id},
                              {"version", plugin.version},
                              {"types", fmt::format("{}", fmt::join(plugin.types, " "))},
                              {"micros", plugin.load_micros}});
}

void Monitor::plugin_refused(const plugin_host::PluginInfo& plugin) noexcept {
  log_.error("plugin refused", {{"file", plugin.file},
                                {"code", plugin.code},
                                {"reason", plugin.reason},
                                {"fix", plugin.fix}});
}

void Monitor::plugin_pinned(const plugin_host::PluginInfo& plugin) noexcept {
  log_.warn("plugin stays in memory", {{"plugin", plugin.id}, {"reason", plugin.reason}});
}

void Monitor::plugin_changed(const plugin_host::PluginInfo& plugin) noexcept {
  log_.debug("plugin changes its state", {{"plugin", plugin.id},
                                          {"version", plugin.version},
                                          {"generation", plugin.generation},
                                          {"state", plugin_host::token(plugin.state)}});
}

void Monitor::plugin_upgraded(const plugin_host::PluginInfo& plugin,
                              const plugin_host::PluginInfo& former,
                              const plugin_host::UpgradeReport& report) noexcept {
  log_.info("plugin upgraded", {{"plugin", plugin.id},
                                {"from", former.version},
                                {"to", plugin.version},
                                {"with_state", report.passed},
                                {"fresh", report.fresh},
                                {"kept_old", report.kept},
                                {"micros", plugin.load_micros}});
}

void Monitor::plugin_rolled_back(const plugin_host::PluginInfo& failed,
                                 const plugin_host::PluginInfo& plugin,
                                 const plugin_host::UpgradeReport& report) noexcept {
  log_.error("plugin rolled back", {{"plugin", plugin.id},
                                    {"from", failed.version},
                                    {"to", plugin.version},
                                    {"with_state", report.passed},
                                    {"fresh", report.fresh},
                                    {"left_behind", report.kept},
                                    {"code", failed.code},
                                    {"reason", failed.reason},
                                    {"fix", failed.fix}});
}

}  // namespace backstage::daemon
