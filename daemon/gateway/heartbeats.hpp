/// Heartbeats: which connections asked to be looked after (`hb=`), and when to look next.
#pragma once
#include <set>
#include <utility>

#include "core/clock.hpp"

namespace backstage::gateway {

class Connection;

/// All of it is [gateway].
class Heartbeats {
 public:
  /// `connection` is looked at when `at` has come; it forgets itself before its end.
  void watch(Connection& connection, TimePoint at) { looks_.emplace(at, &connection); }
  void forget(Connection& connection, TimePoint at) { looks_.erase({at, &connection}); }
  [[nodiscard]] TimePoint due() const noexcept {
    return looks_.empty() ? never : looks_.begin()->first;
  }
  void on_time(TimePoint now);

 private:
  std::set<std::pair<TimePoint, Connection*>> looks_;
};

}  // namespace backstage::gateway
