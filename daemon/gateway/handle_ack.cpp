// ACK: the client has handled what a subscription brought, up to a number. Never answered.
#include "daemon/gateway/handlers.hpp"

namespace backstage::gateway {

void handle_ack(Session& session, const wire::Ack& ack) {
  if (!session.acknowledge(ack)) session.refuse(ack.id, Errc::no_sub);
}

}  // namespace backstage::gateway
