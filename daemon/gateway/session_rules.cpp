// Session under changed rules: subscriptions and watches that are no longer allowed are over.
#include <string>
#include <vector>

#include "daemon/gateway/session.hpp"

namespace backstage::gateway {

std::size_t Session::apply_rules() {
  if (state_ != State::active && state_ != State::detached) return 0;
  Principal& principal = house.principals.of(this->principal());
  if (principal.rights.is_everything()) return 0;
  std::vector<SubscriptionId> forbidden;
  for (const auto& [pattern, id] : by_pattern) {
    if (!principal.rights.allows(policy::Right::sub, pattern)) forbidden.push_back(id);
  }
  std::vector<std::string> unseen;
  for (const auto& actor : watches) {
    if (!principal.rights.allows(policy::Right::watch, actor)) unseen.push_back(actor);
  }
  const std::size_t count = forbidden.size() + unseen.size();
  // Nobody is there to be told: who comes back finds no session, and is told when it subscribes.
  if (count != 0 && state_ == State::detached) {
    end(EndReason::shutdown);
    return count;
  }
  for (const auto& actor : unseen) {
    watches.erase(actor);
    (void)context().unwatch(actor);
    say(wire::Down{actor, wire::status(wire::WireErrc::forbidden).token});
  }
  for (const SubscriptionId id : forbidden) {
    // What has been brought already is passed over when its turn comes: nobody knows it any more.
    (void)context().unsubscribe(id);
    end_flow(id);
    const auto& subscription = subscriptions.at(id);
    by_pattern.erase(subscription.pattern);
    const wire::Err notice{.status = wire::status(wire::WireErrc::forbidden),
                           .sub = subscription.number};
    forget_subscription(id);
    --principal.subscriptions;
    say(notice);
  }
  return count;
}

}  // namespace backstage::gateway
