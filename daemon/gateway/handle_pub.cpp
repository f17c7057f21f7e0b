// PUB: publish on an address, under one's own name or one that nobody holds.
#include "core/topics.hpp"
#include "daemon/gateway/handlers.hpp"

namespace backstage::gateway {
namespace {

// Another's name needs a rule that says so in so many words.
bool is_allowed(const Session& session, std::string_view actor, std::string_view address) {
  if (actor == session.name() || !session.house.engine.find(actor)) return true;
  const auto& rights = session.house.principals.of(session.principal()).rights;
  return rights.allows_expressly(policy::Right::pub, address);
}

// Most publish where they did last.
bool is_at(const Topic* topic, std::string_view actor, std::string_view name) {
  return topic != nullptr && topic->address.topic() == name && topic->address.actor() == actor;
}

KeptAnswer publish_for(Session& session, const wire::Publish& publish, const Payload& payload) {
  const std::string_view actor = publish.actor.empty() ? session.name() : publish.actor;
  if (!is_at(session.last_topic, actor, publish.topic)) {
    if (is_reserved(actor)) return {.status = wire::status(Errc::reserved_name)};
    // `/topic` was checked without the name that now goes in front.
    const auto address = Address::join(actor, publish.topic);
    if (!address) return {.status = wire::status(address.error())};
    if (!is_allowed(session, actor, address->text())) {
      return {.status = wire::status(wire::WireErrc::forbidden)};
    }
    const auto topic = session.context().topic_at(*address);
    if (!topic) return {.status = wire::status(topic.error())};
    session.last_topic = *topic;
  } else if (!is_allowed(session, actor, session.last_topic->address.text())) {
    return {.status = wire::status(wire::WireErrc::forbidden)};
  }
  const auto published = session.context().publish_on(*session.last_topic, {publish.type, payload},
                                                      {.retain = publish.retain});
  if (!published) return {.status = wire::status(published.error())};
  return {.n = published->matched, .full = published->full};
}

}  // namespace

void handle_pub(Session& session, const wire::Publish& publish, const Payload& payload) {
  if (session.is_repeated(publish.id)) return;
  session.settle(publish.id, publish_for(session, publish, payload));
}

}  // namespace backstage::gateway
