// PING: is the session alive, and is it still the same daemon.
#include "daemon/gateway/handlers.hpp"

namespace backstage::gateway {

void handle_ping(Session& session, const wire::Ping& ping) {
  session.say(wire::Pong{.epoch = session.house.options.epoch,
                         .subs = session.by_pattern.size(),
                         .token = ping.token});
}

}  // namespace backstage::gateway
