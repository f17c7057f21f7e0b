// Session under changed rules: subscriptions and watches that are no longer allowed are over.
#include <string>
#include <vector>

#include "daemon/gateway/session.hpp"

namespace backstage::gateway {

std::size_t Session::apply_rules() {
  if (state_ != State::active && state_ != State::detached) return 0;
  if (principal_.rights.is_everything()) return 0;
  std::vector<SubscriptionId> forbidden;
  for (const auto& [id, one] : subscriptions) {
    if (one.is_over) continue;
    if (!principal_.rights.allows(policy::Right::sub, one.pattern)) forbidden.push_back(id);
  }
  std::vector<std::string> unseen;
  for (const auto& actor : watches) {
    if (!principal_.rights.allows(policy::Right::watch, actor)) unseen.push_back(actor);
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
    const wire::Err notice{.status = wire::status(wire::WireErrc::forbidden),
                           .sub = subscriptions.at(id).number};
    forget_subscription(id);
    say(notice);
  }
  return count;
}

}  // namespace backstage::gateway
