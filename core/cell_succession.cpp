// Cell's succession: a new self takes the place of the present one, in a turn of its own.
#include <algorithm>
#include <exception>
#include <mutex>
#include <utility>

#include "core/cell.hpp"
#include "core/cell_parts.hpp"
#include "core/context.hpp"
#include "core/planted.hpp"
#include "core/runtime.hpp"

namespace backstage {

// What the actor holds at one moment.
struct Cell::Marks {
  TimerId timer{};
  RequestId request{};
  std::vector<SubscriptionId> subscriptions;
  std::vector<ActorId> watching;
  std::vector<ActorId> children;
};

Result<void> Cell::expect(Expected expected, ActorId target) {
  std::optional<Expected> before(std::move(expected));
  {
    const std::lock_guard lock(lock_);
    if (watched_generation_ != target.generation || is_client()) return Refused(Errc::no_actor);
    if (watch_ == nullptr) watch_ = std::make_unique<Watch>();
    before.swap(watch_->expected);
  }
  if (before && !planted(Bug::succession_untold)) {
    before->succession->settled(target, Succession::Hindrance{"a newer one came"});
  }
  return {};
}

void Cell::call_off(const Succession& succession, ActorId target) {
  std::optional<Expected> expected;
  {
    const std::lock_guard lock(lock_);
    if (watched_generation_ != target.generation || watch_ == nullptr) return;
    if (!watch_->expected || watch_->expected->succession.get() != &succession) return;
    expected.swap(watch_->expected);
  }
  expected->succession->settled(target, Succession::Hindrance{"it was called off"});
}

std::optional<Cell::Expected> Cell::take_expected() {
  const std::lock_guard lock(lock_);
  return watch_ == nullptr ? std::nullopt : std::exchange(watch_->expected, std::nullopt);
}

bool Cell::is_expected_now() const {
  const std::lock_guard lock(lock_);
  return watch_ != nullptr && watch_->expected &&
         watch_->expected->when == SuccessionTime::next_turn;
}

ActorTypePtr Cell::type_now() const {
  const std::lock_guard lock(lock_);
  return type_;
}

// Others read the type under lock_.
void Cell::change_type(ActorTypePtr& type) {
  const std::lock_guard lock(lock_);
  type_.swap(type);
}

// One without a self, whether it backs off or is parked, only changes its type: what is made next
// is of that. One that is being made is asked again by `start`.
void Cell::succeed_now() {
  if (!is_expected_now() || (phase() == Phase::starting && actor_ == nullptr)) return;
  if (actor_ == nullptr) return begin_as(take_expected());
  give_way(take_expected());
}

// Either wholly or not at all.
void Cell::give_way(std::optional<Expected> expected) {
  if (!expected) return;
  Succession& succession = *expected->succession;
  Context context(runtime_, *this);
  const auto heir_of_present = [&]() -> std::expected<Succession::Heir, Succession::Hindrance> {
    try {
      return succession.heir_of(context, *actor_, config_text());
    } catch (const std::exception& error) {
      return std::unexpected(Succession::Hindrance{error.what()});
    } catch (...) {
      return std::unexpected(Succession::Hindrance{"threw something that is no std::exception"});
    }
  };
  const Marks before = marks();
  makes_self_ = true;
  auto heir = heir_of_present();
  makes_self_ = false;
  if (!heir) {
    undo_since(before);
    return succession.settled(id_, heir.error());
  }
  actor_.swap(heir->self);
  change_type(expected->type);
  take_leave_of(before, heir->is_fresh);
  succession.depart(context, *heir->self);
  heir->self.reset();
  succession.settled(id_, std::nullopt);
}

void Cell::begin_as(std::optional<Expected> expected) {
  if (!expected) return;
  change_type(expected->type);
  expected->succession->settled(id_, std::nullopt);
}

void Cell::settle_unmet(std::optional<Expected> expected, ActorId who) {
  if (!expected) return;
  expected->succession->settled(who,
                                Succession::Hindrance{"it ended before its turn", false, true});
}

Cell::Marks Cell::marks() const {
  Marks marks;
  if (requests_ != nullptr) marks.request = requests_->last_id();
  for (const auto& [id, pattern] : subscriptions_) marks.subscriptions.push_back(id);
  if (holdings_ == nullptr) return marks;
  marks.timer = TimerId{holdings_->last_timer};
  marks.watching = holdings_->watching;
  marks.children = holdings_->supervisor.children();
  return marks;
}

void Cell::undo_since(const Marks& marks) {
  if (requests_ != nullptr) {
    for (const auto key : requests_->forget_asked(marks.request, requests_->last_id())) {
      (void)runtime_.timers.cancel(key);
    }
  }
  Context context(runtime_, *this);
  const auto is_new = [](const auto& before, const auto& id) {
    return std::find(before.begin(), before.end(), id) == before.end();
  };
  std::vector<SubscriptionId> subscriptions;
  for (const auto& [id, pattern] : subscriptions_) {
    if (is_new(marks.subscriptions, id)) subscriptions.push_back(id);
  }
  for (const auto id : subscriptions) (void)context.unsubscribe(id);
  if (holdings_ == nullptr) return;
  while (!planted(Bug::failed_heir_leaves_timers) && !holdings_->timers.empty() &&
         holdings_->timers.rbegin()->first > marks.timer) {
    (void)context.cancel_timer(holdings_->timers.rbegin()->first);
  }
  for (const ActorId watched : std::vector(holdings_->watching)) {
    if (is_new(marks.watching, watched)) (void)context.demonitor(watched);
  }
  for (const ActorId child : holdings_->supervisor.children()) {
    if (is_new(marks.children, child)) (void)context.stop(child, StopVerb::stop);
  }
}

void Cell::take_leave_of(const Marks& marks, bool is_heir_fresh) {
  if (requests_ != nullptr && is_heir_fresh) {
    for (const RequestRef request : requests_->take_open()) {
      if (planted(Bug::heir_forgets_requests)) continue;
      runtime_.reply_error(request, Errc::actor_failed, "its actor was made anew by an upgrade");
    }
    for (const auto key : requests_->forget_asked({}, marks.request)) {
      (void)runtime_.timers.cancel(key);
    }
  }
  if (holdings_ == nullptr) return;
  std::erase_if(holdings_->timers, [&](const auto& entry) {
    const auto& [id, timer] = entry;
    if (id > marks.timer || !(is_heir_fresh || timer.is_of_beginning)) return false;
    if (planted(Bug::heir_keeps_beginning)) return false;
    (void)runtime_.timers.cancel(timer.key);
    return true;
  });
}

}  // namespace backstage
