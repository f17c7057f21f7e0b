// PUB: publish on an address, under one's own name or one that nobody holds.
#include <expected>

#include "core/topics.hpp"
#include "daemon/gateway/handlers.hpp"

namespace backstage::gateway {
namespace {

// Another's name needs a rule that says so in so many words.
bool is_allowed(const Session& session, std::string_view actor, std::string_view address) {
  if (actor == session.name() || !session.house.engine.find(actor)) return true;
  const auto& rights = session.principal().rights;
  return rights.allows_expressly(policy::Right::pub, address);
}

// Most publish where they did last.
bool is_at(const Topic* topic, std::string_view actor, std::string_view name) {
  return topic != nullptr && topic->address.topic() == name && topic->address.actor() == actor;
}

// What may change between two publishes that are allowed: who holds a name, of which the gateway
// looks at actors' once a turn; and rules, which change between turns.
std::uint64_t moment(const House& house) {
  return house.counters.turns.get() + house.counters.sessions_opened.get() + 1;
}

// Where that address is, if the session may publish there.
std::expected<Topic*, wire::Status> place_of(Session& session, std::string_view actor,
                                             std::string_view name) {
  auto& last = session.last_published;
  const auto now = moment(session.house);
  if (is_at(last.topic, actor, name) && last.allowed_at == now) return last.topic;
  if (is_reserved(actor)) return std::unexpected(wire::status(Errc::reserved_name));
  // `/topic` was checked without the name that now goes in front.
  const auto address = Address::join(actor, name);
  if (!address) return std::unexpected(wire::status(address.error()));
  if (!is_allowed(session, actor, address->text())) {
    return std::unexpected(wire::status(wire::WireErrc::forbidden));
  }
  const auto topic = session.context().topic_at(*address);
  if (!topic) return std::unexpected(wire::status(topic.error()));
  last = {*topic, now};
  return *topic;
}

KeptAnswer publish_for(Session& session, const wire::Publish& publish, const Payload& payload) {
  const std::string_view actor = publish.actor.empty() ? session.name() : publish.actor;
  const auto place = place_of(session, actor, publish.topic);
  if (!place) return {.status = place.error()};
  const auto published =
      session.context().publish_on(**place, {publish.type, payload}, {.retain = publish.retain});
  if (!published) return {.status = wire::status(published.error())};
  return {.n = published->matched, .full = published->full};
}

}  // namespace

void handle_pub(Session& session, const wire::Publish& publish, const Payload& payload) {
  if (publish.id != 0 && session.is_repeated(publish.id)) return;
  session.settle(publish.id, publish_for(session, publish, payload));
}

}  // namespace backstage::gateway
