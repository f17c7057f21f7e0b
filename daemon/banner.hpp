/// Banner: what a person sees at the start: where it listens, what is loaded, what to try next.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "daemon/config/config.hpp"
#include "daemon/gateway/options.hpp"
#include "daemon/log/log.hpp"
#include "daemon/plugin_host/plugin_info.hpp"

namespace backstage::daemon {

struct BannerFacts {
  std::string version;
  std::string runtime_dir;
  gateway::BoundEndpoints bound;
  std::vector<plugin_host::PluginInfo> plugins;
  std::size_t actors = 0;
};
/// Several lines, newline at the end.
[[nodiscard]] std::string banner(const BannerFacts& facts);

/// Sets the log's format as configured: automatic means text on a terminal, JSON elsewhere.
void apply_format(log::Log& log, const config::LogConfig& config);

}  // namespace backstage::daemon
