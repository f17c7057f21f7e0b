#include "daemon/gateway/heartbeats.hpp"

#include "daemon/gateway/connection.hpp"

namespace backstage::gateway {

void Heartbeats::on_time(TimePoint now) {
  while (due() <= now) {
    Connection& connection = *looks_.begin()->second;
    looks_.erase(looks_.begin());
    connection.on_silent_interval(now);
  }
}

}  // namespace backstage::gateway
