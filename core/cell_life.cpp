// Cell's beginnings and ends: start, failure, back-off, parking, stopping, finishing.
#include <algorithm>
#include <exception>
#include <utility>

#include "core/cell.hpp"
#include "core/context.hpp"
#include "core/runtime.hpp"

namespace backstage {

std::string_view token(EndReason reason) noexcept {
  constexpr std::array<std::string_view, 9> tokens{"stopped",  "drained",       "killed",
                                                   "failed",   "parked",        "passivated",
                                                   "shutdown", "slow_consumer", "disconnected"};
  return tokens[static_cast<std::size_t>(reason)];
}

Step Cell::start() {
  if (actor_ == nullptr) {
    Context context(runtime_, *this);
    auto made = create_guarded(context);
    if (!made) {
      tell_started(true, made.error().reason);
      return on_failure(std::move(made.error().reason));
    }
    actor_ = *std::move(made);
  }
  set_phase(Phase::running);
  mailbox_.set_mail_wakes(true);
  if (idle_ > Duration::zero()) arm_idle_check();
  runtime_.world.observer.started(id_, name_.text(), type_name());
  tell_started(false, {});
  return Step::worked;
}

std::expected<std::unique_ptr<Actor>, Failure> Cell::create_guarded(Context& context) {
  if (runtime_.world.faults.hit(FaultSite::create)) return std::unexpected(Failure{"injected"});
  try {
    return type_->factory->create(context, config_);
  } catch (const std::exception& error) {
    return std::unexpected(Failure{error.what()});
  } catch (...) {
    return std::unexpected(Failure{"threw something that is no std::exception"});
  }
}

std::string_view Cell::type_name() const noexcept {
  return is_client() ? std::string_view{"client"} : std::string_view{type_->name};
}

// Destroys the actor, keeps the mailbox. What follows its children's end is the supervisor's word.
Step Cell::on_failure(std::string reason) {
  runtime_.world.observer.failed(id_, name_.text(), reason);
  destroy_actor(EndReason::failed);
  abandon_requests();
  cancel_timers();
  mailbox_.set_mail_wakes(false);
  set_phase(Phase::stopping);
  if (is_client()) {
    end_reason_ = EndReason::failed;
    return finish(end_reason_);
  }
  const auto decision = history_.on_failure(type_->restart, runtime_.world.clock.now());
  backoff_ = decision.after;
  failure_ = std::move(reason);
  end_reason_ = decision.verb == Decision::Verb::park ? EndReason::parked : EndReason::failed;
  return continue_stop();
}

Step Cell::begin_stop(EndReason reason) {
  if (phase() == Phase::stopping && end_reason_ != EndReason::failed &&
      end_reason_ != EndReason::parked) {
    return continue_stop();  // The first reason stands.
  }
  end_reason_ = reason;
  mailbox_.refuse_data(Errc::stopping);
  mailbox_.set_mail_wakes(false);
  set_phase(Phase::stopping);
  return continue_stop();
}

// One child at a time, the youngest first; each tells its end by Signal::child_ended.
Step Cell::continue_stop() {
  auto* held = holdings_.get();
  while (held != nullptr && !held->children.empty()) {
    const ActorId youngest = held->children.back();
    if (stopping_child_ == youngest) return Step::idle;
    stopping_child_ = youngest;
    if (Cell* child = runtime_.directory.at(youngest);
        child != nullptr && runtime_.directory.is_alive(youngest)) {
      child->signal(end_reason_ == EndReason::shutdown ? Signal::shutdown : Signal::stop, youngest);
      return Step::worked;
    }
    held->children.pop_back();
  }
  stopping_child_ = nobody;
  switch (end_reason_) {
    case EndReason::failed:
      return back_off();
    case EndReason::parked:
      return park();
    default:
      return finish(end_reason_);
  }
}

// As stop, waiting for nobody.
Step Cell::kill() {
  if (holdings_ != nullptr) {
    for (const ActorId child : std::exchange(holdings_->children, {})) {
      if (Cell* cell = runtime_.directory.at(child); cell != nullptr) {
        cell->signal(Signal::kill, child);
      }
    }
  }
  return finish(EndReason::killed);
}

Step Cell::back_off() {
  set_phase(Phase::backing_off);
  life_timer_ =
      runtime_.timers.set(runtime_.world.clock.now() + backoff_, {Due::What::restart, id_});
  runtime_.world.observer.restarting(id_, name_.text(), backoff_);
  return Step::worked;
}

Step Cell::park() {
  set_phase(Phase::parked);
  mailbox_.refuse_data(Errc::parked);
  bury(mailbox_.take_all(), DeadCause::parked, failure_);
  tell_watchers(EndReason::parked, true);
  runtime_.world.observer.parked(id_, name_.text(), failure_);
  return Step::worked;
}

Step Cell::finish(EndReason reason) {
  set_phase(Phase::stopping);
  destroy_actor(reason);
  auto mail = mailbox_.close();
  runtime_.directory.forget_name(name_.text(), id_);
  if (current_ != nullptr) mail.insert(mail.begin(), std::move(current_));
  abandon_requests();
  cancel_timers();
  release_holdings();
  bury(std::move(mail), DeadCause::stopped, token(reason));
  tell_started(true, token(reason));
  tell_watchers(reason, false);
  if (rule_ != CellOptions::no_rule) runtime_.activations.release(rule_);
  runtime_.fold(mailbox_.ledger());
  if (Cell* parent = runtime_.directory.at(parent_); parent != nullptr) {
    parent->child_ended(id_, parent_);
  }
  runtime_.world.observer.ended(id_, name_.text(), reason);
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
    runtime_.reply_error(request, Errc::actor_failed, sentence(Errc::actor_failed));
  }
  for (const TimerKey timer : requests_->forget_asked()) (void)runtime_.timers.cancel(timer);
}

void Cell::cancel_timers() {
  (void)runtime_.timers.cancel(std::exchange(life_timer_, TimerKey{}));
  if (holdings_ == nullptr) return;
  for (const auto& [id, timer] : holdings_->timers) (void)runtime_.timers.cancel(timer.key);
  holdings_->timers.clear();
}

void Cell::release_holdings() {
  requests_.reset();
  if (activated_by_) runtime_.topics.drop(id_, *activated_by_);
  const auto held = std::move(holdings_);
  if (held == nullptr) return;
  for (const auto& [id, pattern] : held->subscriptions) runtime_.topics.unsubscribe(id, pattern);
  if (held->watches_interest) runtime_.topics.forget_watcher(id_);
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
    mailbox_.settle_dropped(DropCause::ended);
    return;
  }
  mailbox_.settle_dead_lettered();
  if (envelope->kind == Kind::request) {
    if (requests_ != nullptr) (void)requests_->close(envelope->request_ref());
    runtime_.reply_error(envelope->request_ref(), Errc::actor_failed, reason);
  }
  runtime_.bury(std::move(envelope), cause, name_.text(), reason);
}

void Cell::tell_watchers(EndReason reason, bool keeps_living) {
  std::vector<ActorId> watchers;
  {
    const std::lock_guard lock(watch_mutex_);
    watchers.swap(watchers_);
    if (!keeps_living) watched_generation_ = 0;
  }
  for (const ActorId watcher : watchers) {
    auto down = runtime_.make_envelope(Kind::down);
    down->sender = id_;
    down->sender_name = name_;
    down->payload = Payload(token(reason));
    (void)runtime_.deliver(watcher, std::move(down));
  }
}

void Cell::tell_started(bool is_error, std::string_view text) {
  const ActorId who = std::exchange(tell_started_, nobody);
  if (who.is_nobody()) return;
  auto started = runtime_.make_envelope(Kind::started);
  started->sender = id_;
  started->sender_name = name_;
  started->is_error = is_error;
  started->error = Errc::actor_failed;
  started->payload = Payload(text);
  (void)runtime_.deliver(who, std::move(started));
}

void Cell::arm_idle_check() {
  (void)runtime_.timers.cancel(life_timer_);
  life_timer_ =
      runtime_.timers.set(runtime_.world.clock.now() + idle_, {Due::What::idle_check, id_});
}

// Idle: nothing handled since the last look, nothing queued, nobody waiting, no children.
Step Cell::on_idle_check() {
  const auto handled = mailbox_.ledger().handled;
  const bool was_busy = std::exchange(handled_at_idle_check_, handled) != handled;
  const bool is_needed = (requests_ != nullptr && requests_->is_busy()) ||
                         (holdings_ != nullptr && !holdings_->children.empty());
  if (was_busy || is_needed || !mailbox_.close_if_empty()) {
    arm_idle_check();
    return Step::worked;
  }
  return finish(EndReason::passivated);
}

}  // namespace backstage
