// SEND: one message to one actor.
#include "daemon/gateway/handlers.hpp"

namespace backstage::gateway {

void handle_send(Session& session, const wire::Send& send, const Payload& payload) {
  if (session.is_repeated(send.id)) return;
  KeptAnswer answer;
  if (const auto actor = session.resolve(send.actor); !actor) {
    answer.status = wire::status(actor.error());
  } else if (const auto sent = session.context().send(*actor, {send.type, payload}); !sent) {
    answer.status = wire::status(sent.error());
  }
  session.settle(send.id, answer);
}

}  // namespace backstage::gateway
