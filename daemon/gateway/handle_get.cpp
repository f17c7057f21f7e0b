// GET: the retained value of one address.
#include "daemon/gateway/handlers.hpp"

namespace backstage::gateway {

void handle_get(Session& session, const wire::Get& get) {
  const auto address = Address::join(get.actor, get.topic);
  if (!address) return session.refuse(get.id, address.error());
  const auto value = session.house.engine.retained(*address);
  if (!value) return session.refuse(get.id, value.error());
  session.say(wire::Val{.id = get.id,
                        .address = address->text(),
                        .seq = value->seq,
                        .sender = shown_sender(value->sender),
                        .type = value->type},
              &value->payload);
}

}  // namespace backstage::gateway
