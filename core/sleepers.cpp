#include "core/sleepers.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace backstage {

void Sleepers::add(std::string_view name, ActorId watcher) {
  const std::lock_guard lock(mutex_);
  auto& watchers = by_name_[std::string(name)];
  if (std::find(watchers.begin(), watchers.end(), watcher) == watchers.end()) {
    watchers.push_back(watcher);
  }
  // Sequentially consistent with `take`, as the name's shard is: whoever takes a name after this,
  // and finds no sleepers, is found by who adds and then looks for the name's holder.
  names_.store(by_name_.size());
}

bool Sleepers::remove(std::string_view name, ActorId watcher) {
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(name);
  if (found == by_name_.end() || std::erase(found->second, watcher) == 0) return false;
  if (found->second.empty()) by_name_.erase(found);
  names_.store(by_name_.size());
  return true;
}

std::vector<ActorId> Sleepers::take(std::string_view name) {
  if (names_.load() == 0) return {};
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return {};
  auto watchers = std::move(found->second);
  by_name_.erase(found);
  names_.store(by_name_.size());
  return watchers;
}

}  // namespace backstage
