#include "core/supervisor.hpp"

#include <algorithm>

#include "core/planted.hpp"

namespace backstage {

namespace {

// So few are looked through faster than they are found by an index.
constexpr std::uint32_t looked_through = 16;

constexpr std::uint32_t hash_of(ActorId id) noexcept { return id.slot * 0x9E3779B1U; }

}  // namespace

std::uint32_t Supervisor::place_of(ActorId child) const noexcept {
  if (child.is_nobody()) return nowhere;
  if (places_.size() != 0) {
    return places_
        .find(hash_of(child), [&](std::uint32_t place) { return children_[place].id == child; })
        .value_or(nowhere);
  }
  for (std::uint32_t place = first_; place < children_.size(); ++place) {
    if (children_[place].id == child) return place;
  }
  return nowhere;
}

std::vector<ActorId> Supervisor::children() const {
  std::vector<ActorId> ids;
  ids.reserve(living_);
  for (const Child& child : children_) {
    if (!child.id.is_nobody()) ids.push_back(child.id);
  }
  return ids;
}

void Supervisor::add(ActorId child, Restart restart) {
  children_.push_back({child, restart});
  ++living_;
  if (places_.size() != 0) return index(static_cast<std::uint32_t>(children_.size()) - 1);
  if (children_.size() > looked_through) close_ranks();
}

void Supervisor::clear() noexcept {
  children_.clear();
  places_.clear();
  first_ = living_ = falling_ = rising_ = falls_end_ = rises_from_ = 0;
  history_.clear();
}

void Supervisor::erase(std::uint32_t place) {
  Child& child = children_[place];
  set_falls(child, false);
  set_rises(child, false);
  if (places_.size() != 0) (void)places_.erase(hash_of(child.id), place);
  child.id = nobody;
  --living_;
  while (!children_.empty() && children_.back().id.is_nobody()) children_.pop_back();
  while (first_ < children_.size() && children_[first_].id.is_nobody()) ++first_;
  first_ = std::min(first_, static_cast<std::uint32_t>(children_.size()));
  if (children_.size() > looked_through && children_.size() / 2 > living_) close_ranks();
}

// Without the gone ones between them; and an index, if they are many.
void Supervisor::close_ranks() {
  std::erase_if(children_, [](const Child& child) { return child.id.is_nobody(); });
  if (children_.capacity() / 4 > children_.size()) children_.shrink_to_fit();
  first_ = rises_from_ = 0;
  falls_end_ = living_;
  places_.clear();
  if (living_ <= looked_through) return;
  for (std::uint32_t place = 0; place < living_; ++place) index(place);
}

void Supervisor::index(std::uint32_t place) { places_.insert(hash_of(children_[place].id), place); }

void Supervisor::set_falls(Child& child, bool falls) noexcept {
  if (child.falls != falls) falling_ += falls ? 1U : -1U;
  child.falls = falls;
}

void Supervisor::set_rises(Child& child, bool rises) noexcept {
  if (child.rises != rises) rising_ += rises ? 1U : -1U;
  child.rises = rises;
}

Orders Supervisor::on_gone(ActorId child) {
  Orders orders;
  const std::uint32_t place = place_of(child);
  if (place == nowhere) return orders;
  erase(place);
  advance(orders);
  return orders;
}

Orders Supervisor::on_failed(ActorId child, const Supervision& supervision, TimePoint now) {
  const std::uint32_t place = place_of(child);
  if (place == nowhere) return {};
  Child& failed = children_[place];
  // A failure on the way down is no failure: the child was to lose its self anyway.
  if (failed.state == State::going_down) return on_down(child);
  failed.state = State::down;
  if (!history_.add(supervision.intensity, supervision.period, now) &&
      !planted(Bug::escalation_ignored)) {
    history_.clear();
    return {{Order::Verb::escalate, child}};
  }
  if (supervision.strategy == Strategy::one_for_one) {
    failed.state = State::coming_up;
    return {{Order::Verb::restart, child}};
  }
  const bool takes_older = supervision.strategy == Strategy::one_for_all;
  const bool takes_younger = takes_older || !planted(Bug::rest_forgets_the_rest);
  const auto end = static_cast<std::uint32_t>(children_.size());
  for (std::uint32_t at = first_; at < end; ++at) {
    Child& other = children_[at];
    if (other.id.is_nobody()) continue;
    if (at != place && !(at < place ? takes_older : takes_younger)) continue;
    set_falls(other, other.state != State::down);
    set_rises(other, true);
  }
  falls_end_ = end;
  rises_from_ = 0;
  Orders orders;
  advance(orders);
  return orders;
}

Orders Supervisor::on_down(ActorId child) {
  Orders orders;
  const std::uint32_t place = place_of(child);
  if (place == nowhere) return orders;
  children_[place].state = State::down;
  set_falls(children_[place], false);
  advance(orders);
  return orders;
}

Orders Supervisor::on_started(ActorId child) {
  Orders orders;
  const std::uint32_t place = place_of(child);
  // One that came up while it was being asked to go down will say that it is down.
  if (place == nowhere || children_[place].state == State::going_down) return orders;
  children_[place].state = State::up;
  // One that started before its turn to fall still falls, and then has to rise.
  if (!children_[place].falls) set_rises(children_[place], false);
  advance(orders);
  return orders;
}

// The next step of a group restart, if one is under way: one child at a time.
void Supervisor::advance(Orders& orders) {
  if (falling_ != 0) {
    falls_end_ = std::min(falls_end_, static_cast<std::uint32_t>(children_.size()));
    while (!children_[falls_end_ - 1].falls) --falls_end_;
    Child& last = children_[falls_end_ - 1];
    if (last.state == State::going_down) return;
    last.state = State::going_down;
    const bool is_temporary = last.restart == Restart::temporary;
    orders.push_back({is_temporary ? Order::Verb::stop : Order::Verb::recycle, last.id});
    return;
  }
  if (rising_ == 0) return;
  while (!children_[rises_from_].rises) ++rises_from_;
  Child& next = children_[rises_from_];
  if (next.state == State::coming_up) return;
  next.state = State::coming_up;
  orders.push_back({Order::Verb::restart, next.id});
}

}  // namespace backstage
