// PUB: publish on an address, under one's own name or one that nobody holds.
#include "daemon/gateway/handlers.hpp"

namespace backstage::gateway {
namespace {

// Another's name needs a rule that says so in so many words.
bool is_allowed(const Session& session, std::string_view actor, std::string_view address) {
  if (actor == session.name() || !session.house.engine.find(actor)) return true;
  const auto& rights = session.house.principals.of(session.principal()).rights;
  return rights.allows_expressly(policy::Right::pub, address);
}

KeptAnswer publish_for(Session& session, const wire::Publish& publish, const Payload& payload) {
  const std::string_view actor = publish.actor.empty() ? session.name() : publish.actor;
  if (is_reserved(actor)) return {.status = wire::status(Errc::reserved_name)};
  // `/topic` was checked without the name that now goes in front.
  const auto address = Address::join(actor, publish.topic);
  if (!address) return {.status = wire::status(address.error())};
  if (!is_allowed(session, actor, address->text())) {
    return {.status = wire::status(wire::WireErrc::forbidden)};
  }
  const auto published =
      session.context().publish_as(*address, {publish.type, payload}, {.retain = publish.retain});
  if (!published) return {.status = wire::status(published.error())};
  return {.n = published->matched, .full = published->full};
}

}  // namespace

void handle_pub(Session& session, const wire::Publish& publish, const Payload& payload) {
  if (session.is_repeated(publish.id)) return;
  session.settle(publish.id, publish_for(session, publish, payload));
}

}  // namespace backstage::gateway
