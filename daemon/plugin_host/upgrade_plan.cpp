// Compares what save writes with what load reads, before any actor is touched.
#include "daemon/plugin_host/upgrade_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace backstage::plugin_host {
namespace {

// Why `to` cannot read what `from` saves; empty when it can.
std::string hindrance(const PluginType& from, const PluginType& to) {
  if (to.calls.load == nullptr) {
    return fmt::format("'{}' saves state of version {}, and the new one has no load", from.name,
                       from.calls.state_version);
  }
  if (from.calls.state_version < to.calls.state_min ||
      from.calls.state_version > to.calls.state_version) {
    return fmt::format("'{}' saves state of version {}, and the new one loads {} to {}", from.name,
                       from.calls.state_version, to.calls.state_min, to.calls.state_version);
  }
  return {};
}

}  // namespace

std::vector<TypePassage> plan_upgrade(std::span<const PluginType> from,
                                      std::span<const PluginType> to,
                                      OnIncompatible on_incompatible) {
  std::vector<TypePassage> plan(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    auto& entry = plan[i];
    entry.from = i;
    const auto next = std::ranges::find(to, from[i].name, &PluginType::name);
    if (next == to.end()) {
      entry.reason = fmt::format("the new one has no actor type '{}'", from[i].name);
      continue;
    }
    entry.to = static_cast<std::size_t>(next - to.begin());
    if (from[i].calls.save == nullptr) {
      entry.passage = Passage::fresh;
      continue;
    }
    entry.reason = hindrance(from[i], *next);
    if (entry.reason.empty()) {
      entry.passage = Passage::state;
    } else if (on_incompatible == OnIncompatible::restart_fresh) {
      entry.passage = Passage::fresh;
    }
  }
  return plan;
}

}  // namespace backstage::plugin_host
