// Cell's beginnings: start, failure, back-off, parking, passivation.
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

Step Cell::start() {
  // A mailbox is open from the beginning; a later self, or one that waited for its group, opens it.
  bool is_open = false;
  if (actor_ == nullptr) {
    begin_as(take_expected());
    is_open = !is_gated_ && restarts() == 0;
    Context context(runtime_, *this);
    auto made = create_guarded(context);
    if (!made) {
      tell_started(true, made.error().reason);
      if (!is_gated_) return on_failure(std::move(made.error().reason));
      runtime_.world.observer.failed(id_, name_.text(), made.error().reason);
      return finish(EndReason::failed);
    }
    actor_ = *std::move(made);
  }
  if (!is_gated_) return begin_running(is_open);
  mailbox_.set_mail_wakes(false);
  // Without a supervisor there is no group left to wait for.
  return tell_supervisor(ChildEvent::What::created) ? Step::worked : begin_running(false);
}

Step Cell::begin_running(bool is_open) {
  is_gated_ = false;
  set_phase(Phase::running);
  if (!is_open && !planted(Bug::restart_sleeps)) mailbox_.come_up();
  up_since_ = runtime_.world.clock.about_now();
  if (is_activated() && uncommon_->idle > Duration::zero()) arm_idle_check();
  runtime_.world.observer.started(id_, name_.text(), type_name());
  tell_started(false, {});
  (void)tell_supervisor(ChildEvent::What::started);
  return Step::worked;
}

std::expected<std::unique_ptr<Actor>, Failure> Cell::create_guarded(Context& context) {
  if (runtime_.world.faults.strike(FaultSite::create)) return std::unexpected(Failure{"injected"});
  const auto made = [&]() -> std::expected<std::unique_ptr<Actor>, Failure> {
    try {
      return type_->factory->create(context, config_text());
    } catch (const std::exception& error) {
      return std::unexpected(Failure{error.what()});
    } catch (...) {
      return std::unexpected(Failure{"threw something that is no std::exception"});
    }
  };
  makes_self_ = true;
  auto self = made();
  makes_self_ = false;
  return self;
}

std::string_view Cell::config_text() const noexcept {
  return uncommon_ == nullptr ? std::string_view() : std::string_view(uncommon_->config);
}

std::string_view Cell::type_name() const noexcept {
  return is_client() ? std::string_view{"client"} : std::string_view{type_->name};
}

Step Cell::on_failure(std::string reason) {
  runtime_.world.observer.failed(id_, name_.text(), reason);
  if (is_client()) return lose_self(EndReason::failed);
  const bool was_up = phase() == Phase::running;
  const auto up = was_up ? runtime_.world.clock.now() - up_since_ : Duration::zero();
  auto& trouble = troubles();
  trouble.wait = trouble.backoff.next(type_->supervision, up, runtime_.chance());
  trouble.reason = std::move(reason);
  note_failure();
  return lose_self(EndReason::failed);
}

// Its supervisor takes it down with a failed sibling.
Step Cell::recycle() {
  switch (phase()) {
    case Phase::starting:
    case Phase::running:
      troubles().wait = {};
      return lose_self(EndReason::recycled);
    case Phase::backing_off:
      cancel_life_timer();
      waits_for_order_ = true;
      if (tell_supervisor(ChildEvent::What::down)) return Step::worked;
      return back_off(troubles().wait);
    case Phase::stopping:
    case Phase::parked:
    case Phase::ended:
      break;
  }
  return Step::worked;
}

// Destroys the actor, keeps the mailbox. What follows its children's end is the supervisor's word.
Step Cell::lose_self(EndReason reason) {
  destroy_actor(reason);
  abandon_requests();
  cancel_timers();
  bury(mailbox_.go_down(), DeadCause::failed, sentence(Errc::actor_failed));
  set_phase(Phase::stopping);
  end_reason_ = reason;
  return continue_stop();
}

Step Cell::after_failure() {
  if (restart_ == Restart::temporary || is_client()) return finish(EndReason::failed);
  set_phase(Phase::backing_off);
  waits_for_order_ = true;
  const bool is_recycled = end_reason_ == EndReason::recycled;
  if (tell_supervisor(is_recycled ? ChildEvent::What::down : ChildEvent::What::failed)) {
    return Step::worked;
  }
  return on_orphaned();
}

// The root is one_for_one, and every actor there has its own budget.
Step Cell::on_orphaned() {
  auto& trouble = troubles();
  const auto& supervision = type_->supervision;
  const TimePoint now = runtime_.world.clock.now();
  if (end_reason_ == EndReason::recycled ||
      trouble.history.add(supervision.intensity, supervision.period, now)) {
    return back_off(trouble.wait);
  }
  return park();
}

Step Cell::back_off(Duration wait) {
  waits_for_order_ = false;
  set_phase(Phase::backing_off);
  restarts_.fetch_add(1, std::memory_order_relaxed);
  runtime_.world.observer.restarting(id_, name_.text(), wait);
  if (wait <= Duration::zero()) return start();
  const TimePoint next_self = later(runtime_.world.clock.now(), wait);
  note_wait(next_self);
  uncommon().life_timer = runtime_.timers.set(next_self, {Due::What::backoff_over, id_});
  return Step::worked;
}

void Cell::note_failure() {
  const TimePoint now = runtime_.world.clock.now();
  const std::lock_guard lock(lock_);
  if (watch_ == nullptr) watch_ = std::make_unique<Watch>();
  watch_->trouble = Trouble{troubles().reason, now, now, never};
}

void Cell::note_wait(TimePoint next_self) {
  const TimePoint now = runtime_.world.clock.now();
  const std::lock_guard lock(lock_);
  if (watch_ == nullptr || !watch_->trouble) return;
  watch_->trouble->since = now;
  watch_->trouble->next_self = next_self;
}

// Its mail waits with it, except for those who wait for an answer.
Step Cell::park() {
  waits_for_order_ = false;
  set_phase(Phase::parked);
  note_wait(never);
  mailbox_.refuse_data(Errc::parked);
  const std::string& reason = troubles().reason;
  if (current_ != nullptr && current_->kind == Kind::request) {
    bury_one(std::move(current_), DeadCause::parked, reason);
  }
  bury(mailbox_.take_requests(), DeadCause::parked, reason);
  tell_watchers(EndReason::parked, true);
  runtime_.world.observer.parked(id_, name_.text(), reason);
  return Step::worked;
}

void Cell::ask_to_unpark(ActorId target) {
  mailbox_.unpark();
  signal(Signal::unpark, target);
}

Step Cell::unpark() {
  auto& trouble = troubles();
  trouble.history.clear();
  trouble.backoff.reset();
  mailbox_.welcome_data();
  {
    const std::lock_guard lock(lock_);
    is_told_parked_ = false;
  }
  return back_off(Duration::zero());
}

void Cell::arm_idle_check() {
  cancel_life_timer();
  uncommon_->life_timer = runtime_.timers.set(later(runtime_.world.clock.now(), uncommon_->idle),
                                              {Due::What::idle_check, id_});
}

// Idle: nothing handled since the last look, nothing queued, nobody waiting, no children.
Step Cell::on_idle_check() {
  const auto handled = mailbox_.ledger().handled;
  const bool was_busy = std::exchange(uncommon_->handled_at_idle_check, handled) != handled;
  const bool is_needed = (requests_ != nullptr && requests_->is_busy()) ||
                         (holdings_ != nullptr && !holdings_->supervisor.empty());
  if (was_busy || is_needed || !mailbox_.close_if_empty()) {
    arm_idle_check();
    return Step::worked;
  }
  return finish(EndReason::passivated);
}

}  // namespace backstage
