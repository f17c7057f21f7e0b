/// AdminActor: `$backstage`, the admin door. An ordinary actor that answers JSON with JSON.
/// Its ops are in wire/PROTOCOL.md, section "The admin door"; those on dead letters, on lives and
/// explain have a source each.
///
/// A request that is wrong is answered with an error whose text says what and what to do.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/actor.hpp"
#include "core/engine.hpp"
#include "daemon/gateway/counters.hpp"
#include "daemon/plugin_keeper.hpp"

namespace backstage::daemon {

inline constexpr std::string_view admin_name = "$backstage";

/// What it asks. All [any]; all outlive it.
struct AdminSources {
  Engine& engine;
  std::function<std::vector<plugin_host::PluginInfo>()> plugins;
  std::function<const gateway::Counters*()> gateway;  ///< null before the gateway is there
  std::string version;
  std::string epoch;
  std::string plugin_dir{};
  /// The error is a sentence.
  std::function<std::expected<void, std::string>(PluginVerb, std::string_view)> ask_plugin{};
};

[[nodiscard]] std::unique_ptr<Actor> make_admin_actor(AdminSources sources);

}  // namespace backstage::daemon
