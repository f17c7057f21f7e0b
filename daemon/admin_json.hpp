/// What the admin door shows, as JSON.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/engine.hpp"
#include "daemon/config/json_document.hpp"
#include "daemon/gateway/counters.hpp"
#include "daemon/plugin_host/plugin_info.hpp"

namespace backstage::daemon {

using config::Json;

/// {accepted, handled, running, queued, queued_bytes, dead_lettered, dropped{cause}, refused{why}}
[[nodiscard]] Json to_json(const Ledger& ledger);
[[nodiscard]] Json to_json(const EngineStats& stats);
[[nodiscard]] Json to_json(const std::vector<ActorInfo>& actors);
[[nodiscard]] Json to_json(const std::vector<plugin_host::PluginInfo>& plugins);
[[nodiscard]] Json to_json(const gateway::Counters& counters);

}  // namespace backstage::daemon
