#include "core/supervisor.hpp"

#include <algorithm>

#include "core/planted.hpp"

namespace backstage {

Supervisor::Children::iterator Supervisor::find(ActorId child) noexcept {
  return std::find_if(children_.begin(), children_.end(),
                      [child](const Child& other) { return other.id == child; });
}

bool Supervisor::has(ActorId child) const noexcept {
  return std::any_of(children_.begin(), children_.end(),
                     [child](const Child& other) { return other.id == child; });
}

std::vector<ActorId> Supervisor::children() const {
  std::vector<ActorId> ids;
  ids.reserve(children_.size());
  for (const Child& child : children_) ids.push_back(child.id);
  return ids;
}

void Supervisor::add(ActorId child, Restart restart) { children_.push_back({child, restart}); }

void Supervisor::clear() noexcept {
  children_.clear();
  history_.clear();
}

Orders Supervisor::on_gone(ActorId child) {
  Orders orders;
  const auto found = find(child);
  if (found == children_.end()) return orders;
  children_.erase(found);
  advance(orders);
  return orders;
}

Orders Supervisor::on_failed(ActorId child, const Supervision& supervision, TimePoint now) {
  const auto failed = find(child);
  if (failed == children_.end()) return {};
  // A failure on the way down is no failure: the child was to lose its self anyway.
  if (failed->state == State::going_down) return on_down(child);
  failed->state = State::down;
  if (!history_.add(supervision.intensity, supervision.period, now) &&
      !planted(Bug::escalation_ignored)) {
    history_.clear();
    return {{Order::Verb::escalate, child}};
  }
  if (supervision.strategy == Strategy::one_for_one) {
    failed->state = State::coming_up;
    return {{Order::Verb::restart, child}};
  }
  const bool takes_older = supervision.strategy == Strategy::one_for_all;
  const bool takes_younger = takes_older || !planted(Bug::rest_forgets_the_rest);
  for (auto other = children_.begin(); other != children_.end(); ++other) {
    if (other != failed && !(other < failed ? takes_older : takes_younger)) continue;
    other->falls = other->state != State::down;
    other->rises = true;
  }
  Orders orders;
  advance(orders);
  return orders;
}

Orders Supervisor::on_down(ActorId child) {
  Orders orders;
  const auto found = find(child);
  if (found == children_.end()) return orders;
  found->state = State::down;
  found->falls = false;
  advance(orders);
  return orders;
}

Orders Supervisor::on_started(ActorId child) {
  Orders orders;
  const auto found = find(child);
  // One that came up while it was being asked to go down will say that it is down.
  if (found == children_.end() || found->state == State::going_down) return orders;
  found->state = State::up;
  found->rises = false;
  advance(orders);
  return orders;
}

// The next step of a group restart, if one is under way: one child at a time.
void Supervisor::advance(Orders& orders) {
  const auto last = std::find_if(children_.rbegin(), children_.rend(),
                                 [](const Child& child) { return child.falls; });
  if (last != children_.rend()) {
    if (last->state == State::going_down) return;
    last->state = State::going_down;
    const bool is_temporary = last->restart == Restart::temporary;
    orders.push_back({is_temporary ? Order::Verb::stop : Order::Verb::recycle, last->id});
    return;
  }
  const auto next = std::find_if(children_.begin(), children_.end(),
                                 [](const Child& child) { return child.rises; });
  if (next == children_.end() || next->state == State::coming_up) return;
  next->state = State::coming_up;
  orders.push_back({Order::Verb::restart, next->id});
}

}  // namespace backstage
