// Cell's ends: stop, drain, kill, their deadlines, and what is left to others.
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

std::string_view token(EndReason reason) noexcept {
  static constexpr std::array<std::string_view, 11> tokens{
      "stopped",    "drained",  "killed",        "failed",       "recycled", "parked",
      "passivated", "shutdown", "slow_consumer", "disconnected", "abandoned"};
  return tokens[static_cast<std::size_t>(reason)];
}

void Cell::ask_to_end(Signal how, std::optional<Duration> deadline, ActorId target) {
  const bool is_kill = how == Signal::kill;
  Duration wait = is_kill ? kill_deadline : drain_deadline_default;
  {
    const std::lock_guard lock(lock_);
    if (watched_generation_ != target.generation) return;
    if (how != Signal::drain && !is_kill) {
      wait = type_ == nullptr ? stop_deadline_default : type_->supervision.stop_deadline;
    }
  }
  if (!is_kill) wait = deadline.value_or(wait);
  // Set before it is known to be wanted: no other lock may be taken under the cell's.
  TimerKey spare = runtime_.timers.set(later(runtime_.world.clock.now(), wait),
                                       {Due::What::end_overdue, target});
  {
    const std::lock_guard lock(lock_);
    // What waits for a kill is not put off again.
    const bool is_current = watched_generation_ == target.generation;
    if (is_current && (is_kill || !end_is_kill_)) {
      end_is_kill_ = is_kill;
      std::swap(end_timer_, spare);
    }
  }
  (void)runtime_.timers.cancel(spare);
  signal(how, target);
}

void Cell::on_end_overdue(ActorId target) {
  bool was_kill = false;
  {
    const std::lock_guard lock(lock_);
    if (watched_generation_ != target.generation) return;
    was_kill = end_is_kill_;
  }
  // One that is not in its handler has not had its turn: the pool is busy, the kill will come.
  if (was_kill && handling()) return abandon(target);
  ask_to_end(Signal::kill, std::nullopt, target);
}

// From outside, while its handler does not return: everybody but the thread is let go. What only
// the actor's own turn may touch is done by `finish`, should the handler ever return.
void Cell::abandon(ActorId target) {
  NameRef name;
  ActorId supervisor;
  std::vector<EnvelopePtr> mail;
  std::vector<ActorId> watchers;
  std::optional<Expected> expected;
  {
    const std::lock_guard lock(lock_);
    if (watched_generation_ != target.generation || type_ == nullptr) return;
    watched_generation_ = 0;
    name = name_;
    supervisor = parent();
    mail = mailbox_.close_life(target.generation);
    if (watch_ != nullptr) {
      watchers = take_watchers(EndReason::abandoned);
      expected.swap(watch_->expected);
    }
    // Counted here: once the lock is gone, the handler may return and the slot begin another life.
    for (const auto& envelope : mail) {
      if (is_data(envelope->kind)) {
        runtime_.keep_letter(*envelope, DeadCause::stopped, name.text(),
                             token(EndReason::abandoned));
      }
      settle_left(*envelope);
    }
  }
  runtime_.directory.forget_name(name.text(), target);
  runtime_.world.observer.abandoned(target, name.text());
  for (const auto& envelope : mail) {
    if (!is_data(envelope->kind)) continue;
    runtime_.tell_given_up(*envelope, DeadCause::stopped, name.text(), token(EndReason::abandoned),
                           Errc::actor_failed);
  }
  tell_down(watchers, target, name, EndReason::abandoned);
  settle_unmet(std::move(expected), target);
  if (Cell* cell = runtime_.directory.at(supervisor); cell != nullptr) {
    (void)cell->tell({ChildEvent::What::ended, target}, supervisor);
  }
}

// Its own wish. A permanent actor comes back: that is what permanent means.
Step Cell::stop_self() {
  if (restart_ != Restart::permanent || is_draining_) return begin_stop(EndReason::stopped);
  return on_failure("it stopped itself, and is permanent");
}

Step Cell::begin_stop(EndReason reason) {
  const bool is_for_good = end_reason_ != EndReason::failed && end_reason_ != EndReason::recycled;
  if (phase() == Phase::stopping && is_for_good)
    return continue_stop();  // The first reason stands.
  end_reason_ = reason;
  waits_for_order_ = false;
  mailbox_.refuse_data(Errc::stopping);
  // Without children it does not sleep again in this life.
  if (holdings_ != nullptr && !holdings_->supervisor.empty()) mailbox_.set_mail_wakes(false);
  set_phase(Phase::stopping);
  return continue_stop();
}

Step Cell::continue_stop() {
  if (stop_next_child() == Step::idle) return Step::worked;
  const bool comes_back = end_reason_ == EndReason::failed || end_reason_ == EndReason::recycled;
  return comes_back ? after_failure() : finish(end_reason_);
}

// As stop, waiting for nobody.
Step Cell::kill() {
  kill_children();
  return finish(EndReason::killed);
}

Step Cell::finish(EndReason reason) {
  set_phase(Phase::stopping);
  destroy_actor(reason);
  auto mail = mailbox_.close();
  // Before the name is free: whoever has it next is watched.
  if (reason == EndReason::passivated) put_watchers_to_sleep();
  runtime_.directory.forget_name(name_.text(), id_);
  if (current_ != nullptr) mail.insert(mail.begin(), std::move(current_));
  // Most actors have nothing of what follows: one look, not five calls.
  const bool is_plain = requests_ == nullptr && holdings_ == nullptr && subscriptions_.empty() &&
                        uncommon_ == nullptr && mail.empty() && !runtime_.activations.subscribe();
  if (!is_plain) {
    abandon_requests();
    cancel_timers();
    release_holdings();
    bury(std::move(mail), DeadCause::stopped, token(reason));
    tell_started(true, token(reason));
  }
  if (!planted(Bug::down_lost_in_stop) || reason != EndReason::stopped) {
    tell_watchers(reason, false);
  }
  if (is_activated() && !planted(Bug::activation_leaks)) {
    runtime_.activations.release(uncommon_->rule);
  }
  (void)tell_supervisor(ChildEvent::What::ended);
  runtime_.world.observer.ended(id_, name_.text(), reason);
  executor().retired(*this);
  runtime_.directory.release(*this);
  return Step::ended;
}

void Cell::destroy_actor(EndReason reason) noexcept {
  if (actor_ == nullptr) return;
  Context context(runtime_, *this);
  actor_->ended(context, reason);
  actor_.reset();
}

// Those who wait for an answer of this actor get their error now; what it asked itself is nobody's.
void Cell::abandon_requests() {
  if (requests_ == nullptr) return;
  for (const RequestRef request : requests_->take_open()) {
    if (planted(Bug::failure_answers_nobody)) continue;
    runtime_.reply_error(request, Errc::actor_failed, sentence(Errc::actor_failed));
  }
  for (const TimerKey timer : requests_->forget_asked()) (void)runtime_.timers.cancel(timer);
}

void Cell::cancel_timers() {
  cancel_life_timer();
  if (holdings_ == nullptr || planted(Bug::restart_keeps_timers)) return;
  for (const auto& [id, timer] : holdings_->timers) (void)runtime_.timers.cancel(timer.key);
  holdings_->timers.clear();
}

void Cell::release_holdings() {
  requests_.reset();
  // Only its own wish or a rule subscribes an actor; most never are.
  const bool may_subscribe = runtime_.activations.subscribe();
  if (may_subscribe || !subscriptions_.empty()) runtime_.topics.drop_everywhere(id_);
  subscriptions_ = {};
  const auto held = std::move(holdings_);
  if (held == nullptr) return;
  if (!held->interests.empty()) runtime_.topics.forget_watcher(id_);
  for (const std::string& name : held->watched_names) runtime_.unwatch(name, id_);
  for (const ActorId watched : held->watching) {
    if (Cell* cell = runtime_.directory.at(watched); cell != nullptr) {
      cell->remove_watcher(id_, watched);
    }
  }
}

void Cell::bury(std::vector<EnvelopePtr> mail, DeadCause cause, std::string_view reason) {
  for (auto& envelope : mail) bury_one(std::move(envelope), cause, reason);
}

void Cell::bury_one(EnvelopePtr envelope, DeadCause cause, std::string_view reason) {
  if (!is_counted(envelope->kind)) return;
  const bool is_lost_with_session = is_client() && envelope->kind == Kind::publish;
  if (!is_data(envelope->kind) || is_lost_with_session) {
    settle_dropped(*envelope, cause == DeadCause::failed ? DropCause::failed : DropCause::ended);
    return;
  }
  runtime_.keep_letter(*envelope, cause, name_.text(), reason);
  mailbox_.settle_dead_lettered();
  const bool is_request = envelope->kind == Kind::request;
  if (is_request && requests_ != nullptr) (void)requests_->close(envelope->request_ref());
  const Errc answer = cause == DeadCause::parked ? Errc::parked : Errc::actor_failed;
  runtime_.tell_given_up(*envelope, cause, name_.text(), reason, answer);
}

// As bury_one counts what is left of a hosted actor.
void Cell::settle_left(const Envelope& envelope) {
  if (!is_counted(envelope.kind)) return;
  if (is_data(envelope.kind)) {
    mailbox_.settle_dead_lettered();
  } else {
    settle_dropped(envelope, DropCause::ended);
  }
}

Result<void> Cell::add_watcher(ActorId watcher, ActorId target) {
  return add_to(&Watch::watchers, watcher, target);
}

Result<void> Cell::add_watcher_by_name(ActorId watcher, ActorId target) {
  return add_to(&Watch::by_name, watcher, target);
}

Result<void> Cell::add_to(std::vector<ActorId> Watch::* list, ActorId watcher, ActorId target) {
  const std::lock_guard lock(lock_);
  if (watched_generation_ != target.generation) return Refused(Errc::no_actor);
  if (is_told_parked_) return Refused(Errc::parked);
  if (watch_ == nullptr) watch_ = std::make_unique<Watch>();
  auto& watchers = (*watch_).*list;
  if (std::find(watchers.begin(), watchers.end(), watcher) == watchers.end()) {
    watchers.push_back(watcher);
  }
  return {};
}

void Cell::remove_watcher(ActorId watcher, ActorId target) {
  const std::lock_guard lock(lock_);
  if (watched_generation_ == target.generation && watch_ != nullptr) {
    std::erase(watch_->watchers, watcher);
  }
}

void Cell::remove_watcher_by_name(ActorId watcher, ActorId target) {
  const std::lock_guard lock(lock_);
  if (watched_generation_ == target.generation && watch_ != nullptr) {
    std::erase(watch_->by_name, watcher);
  }
}

void Cell::put_watchers_to_sleep() {
  std::vector<ActorId> watchers;
  {
    const std::lock_guard lock(lock_);
    if (watch_ != nullptr) watchers.swap(watch_->by_name);
  }
  for (const ActorId watcher : watchers) runtime_.sleepers.add(name_.text(), watcher);
}

// Those who are to be told, with lock_ held. Who watches by name came too late to be put to sleep
// if there is anybody left at a passivation: it is as if the actor had been so already.
std::vector<ActorId> Cell::take_watchers(EndReason reason) {
  auto watchers = std::exchange(watch_->watchers, {});
  if (reason != EndReason::passivated) {
    const auto by_name = std::exchange(watch_->by_name, {});
    watchers.insert(watchers.end(), by_name.begin(), by_name.end());
  }
  return watchers;
}

void Cell::tell_watchers(EndReason reason, bool keeps_living) {
  std::vector<ActorId> watchers;
  std::vector<ActorId> late;
  std::optional<Expected> expected;
  TimerKey overdue{};
  {
    const std::lock_guard lock(lock_);
    if (watch_ != nullptr) {
      watchers = take_watchers(reason);
      late.swap(watch_->by_name);
      if (!keeps_living) expected.swap(watch_->expected);
    }
    is_told_parked_ = keeps_living;
    if (!keeps_living) {
      watched_generation_ = 0;
      overdue = std::exchange(end_timer_, TimerKey{});
    }
  }
  (void)runtime_.timers.cancel(overdue);
  for (const ActorId watcher : late) {
    if (!runtime_.watch(name_.text(), watcher)) watchers.push_back(watcher);
  }
  if (!watchers.empty()) tell_down(watchers, id_, name_, reason);
  settle_unmet(std::move(expected), id_);
}

void Cell::tell_down(const std::vector<ActorId>& watchers, ActorId who, const NameRef& name,
                     EndReason reason) {
  for (const ActorId watcher : watchers) {
    auto down = runtime_.make_envelope(Kind::down);
    down->sender = who;
    down->sender_name = name;
    down->payload = Payload(token(reason));
    (void)runtime_.deliver(watcher, std::move(down));
  }
}

void Cell::tell_started(bool is_error, std::string_view text) {
  if (uncommon_ == nullptr) return;
  const ActorId who = std::exchange(uncommon_->tell_started, nobody);
  if (who.is_nobody()) return;
  auto started = runtime_.make_envelope(Kind::started);
  started->sender = id_;
  started->sender_name = name_;
  started->is_error = is_error;
  started->error = Errc::actor_failed;
  started->payload = Payload(text);
  (void)runtime_.deliver(who, std::move(started));
}

}  // namespace backstage
