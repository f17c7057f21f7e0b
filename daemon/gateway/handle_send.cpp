// SEND: one message to one actor.
#include "daemon/gateway/handlers.hpp"

namespace backstage::gateway {

void handle_send(Session& session, const wire::Send& send, const Payload& payload) {
  if (session.is_repeated(send.id)) return;
  const auto sent = session.context().send(send.actor, {send.type, payload});
  KeptAnswer answer;
  if (!sent) answer.status = wire::status(sent.error());
  session.settle(send.id, answer);
}

}  // namespace backstage::gateway
