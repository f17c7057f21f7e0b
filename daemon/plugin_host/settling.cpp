// Compares what is there with what was there.
#include "daemon/plugin_host/settling.hpp"

#include <algorithm>

namespace backstage::plugin_host {

void Settling::adopt(std::span<const Sighting> snapshot, TimePoint now) {
  last_look_ = now;
  for (const auto& [name, stamp] : snapshot) {
    if (!is_plugin_name(name)) continue;
    entries_[name] = {.stamp = stamp, .since = now, .is_told = true, .is_known = true};
  }
}

void Settling::see(const Sighting& sighting, TimePoint now) {
  auto [at, is_new] = entries_.try_emplace(sighting.name);
  auto& entry = at->second;
  entry.is_seen = true;
  entry.missing.reset();
  if (!is_new && entry.stamp == sighting.stamp) return;
  entry.stamp = sighting.stamp;
  entry.since = now;
  entry.is_told = false;
}

FolderChanges Settling::look(std::span<const Sighting> snapshot, TimePoint now) {
  last_look_ = now;
  for (auto& [name, entry] : entries_) entry.is_seen = false;
  for (const auto& sighting : snapshot) {
    if (is_plugin_name(sighting.name)) see(sighting, now);
  }
  FolderChanges changes;
  for (auto at = entries_.begin(); at != entries_.end();) {
    auto& [name, entry] = *at;
    if (entry.is_seen) {
      if (!entry.is_told && now - entry.since >= limits_.settle) {
        entry.is_told = true;
        entry.is_known = true;
        changes.settled.push_back(name);
      }
      ++at;
      continue;
    }
    if (!entry.missing) entry.missing = now;
    if (now - *entry.missing < limits_.settle) {
      ++at;
      continue;
    }
    if (entry.is_known) changes.vanished.push_back(name);
    at = entries_.erase(at);
  }
  return changes;
}

void Settling::look_again(std::string_view name, TimePoint now) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return;
  found->second.is_told = false;
  found->second.since = now;
}

std::vector<std::string> Settling::unsettled() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) {
    if (!entry.is_told && !entry.missing) names.push_back(name);
  }
  return names;
}

TimePoint Settling::next_look(TimePoint now) const {
  auto next = std::min(last_look_, now) + limits_.rescan;
  for (const auto& [name, entry] : entries_) {
    if (entry.missing) {
      next = std::min(next, *entry.missing + limits_.settle);
    } else if (!entry.is_told) {
      next = std::min(next, entry.since + limits_.settle);
    }
  }
  return next;
}

}  // namespace backstage::plugin_host
