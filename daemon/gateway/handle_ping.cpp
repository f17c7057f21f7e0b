// PING: is the session alive, and is it still the same daemon.
#include "daemon/gateway/handlers.hpp"

namespace backstage::gateway {

void handle_ping(Connection& connection, const wire::Ping& ping) {
  const Session* const session = connection.session();
  connection.say(wire::Pong{.epoch = connection.house.options.epoch,
                            .subs = session == nullptr ? 0 : session->subscribed,
                            .token = ping.token});
}

}  // namespace backstage::gateway
