// SUB: receive what is published on an address or pattern.
#include "daemon/gateway/handlers.hpp"

namespace backstage::gateway {
namespace {

Overflow overflow_of(wire::Over over) noexcept {
  switch (over) {
    case wire::Over::oldest:
      return Overflow::drop_oldest;
    case wire::Over::newest:
      return Overflow::drop_newest;
    case wire::Over::conflate:
      return Overflow::conflate;
    case wire::Over::kick:
      return Overflow::kick;
  }
  return Overflow::drop_oldest;
}

}  // namespace

void handle_sub(Session& session, const wire::Subscribe& subscribe) {
  const auto known = session.find(subscribe.pattern);
  const bool is_known = known != session.subscriptions.end();
  if (!is_known &&
      session.subscribed >= session.house.options.limits.subscriptions_per_session_max) {
    return session.refuse(subscribe.id, Errc::subs_full);
  }
  Principal& principal = session.principal();
  if (!is_known && !session.house.principals.may_subscribe(principal)) {
    return session.refuse(subscribe.id, Errc::subs_full);
  }
  // Who acknowledges wants every message, or to be told that it cannot have them.
  const auto over_at_first = subscribe.ack ? wire::Over::kick : wire::Over::oldest;
  const auto over_before = is_known ? known->second.over : over_at_first;
  const auto over = subscribe.over.value_or(over_before);
  const auto subscribed = session.context().subscribe(
      subscribe.pattern, {.overflow = overflow_of(over), .snapshot = subscribe.snapshot});
  if (!subscribed) return session.refuse(subscribe.id, subscribed.error());
  auto& entry = session.subscriptions[subscribed->id];
  if (entry.number == 0) {
    entry.number = ++session.last_subscription;
    entry.pattern = NameRef(subscribe.pattern.text());
  }
  if (!is_known) {
    ++session.subscribed;
    ++principal.subscriptions;
  }
  entry.over = over;
  session.pace(subscribed->id, subscribe.window, subscribe.ack);
  session.ok({.id = subscribe.id, .sub = entry.number, .seq = subscribed->seq});
}

}  // namespace backstage::gateway
