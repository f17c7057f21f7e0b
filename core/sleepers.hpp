/// Sleepers: who watches names that nobody holds at the moment, because their actors are passivated
/// or not needed yet. Whoever gets such a name next is watched in their stead.
#pragma once
#include <atomic>
#include <mutex>
#include <string_view>
#include <vector>

#include "core/ids.hpp"
#include "core/string_map.hpp"

namespace backstage {

/// All of it is [any].
class Sleepers {
 public:
  void add(std::string_view name, ActorId watcher);
  /// False: it is not there, or was taken.
  bool remove(std::string_view name, ActorId watcher);
  /// Those of one name, who sleep no more. Costs one load where nobody sleeps.
  [[nodiscard]] std::vector<ActorId> take(std::string_view name);

 private:
  std::atomic<std::size_t> names_{0};
  std::mutex mutex_;
  StringMap<std::vector<ActorId>> by_name_;  // guarded by mutex_
};

}  // namespace backstage
