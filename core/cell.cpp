#include "core/cell.hpp"

#include <algorithm>
#include <exception>

#include "core/context.hpp"
#include "core/runtime.hpp"

namespace backstage {

std::string_view token(Phase phase) noexcept {
  constexpr std::array<std::string_view, 6> tokens{"starting", "running", "backing_off",
                                                   "stopping", "parked",  "ended"};
  return tokens[static_cast<std::size_t>(phase)];
}

Cell::~Cell() = default;

void Cell::open(std::uint32_t generation, CellOptions options) {
  id_ = {slot_, generation};
  name_ = NameRef(options.name);
  type_ = std::move(options.type);
  config_ = std::move(options.config);
  parent_ = options.parent;
  executor_ = options.executor;
  rule_ = options.rule;
  activated_by_ = std::move(options.activated_by);
  idle_ = options.idle;
  actor_ = std::move(options.actor);
  tell_started_ = options.tell_started;
  end_reason_ = EndReason::stopped;
  is_draining_ = is_blocked_ = false;
  stopping_child_ = nobody;
  handled_at_idle_check_ = 0;
  history_.clear();
  {
    const std::lock_guard lock(watch_mutex_);
    watched_generation_ = generation;
    watchers_.clear();
    ended_children_.clear();
  }
  set_phase(Phase::starting);
  mailbox_.open(generation, options.mailbox);
}

PushResult Cell::accept(EnvelopePtr& envelope, ActorId target) {
  const PushResult result = mailbox_.push(envelope, target.generation);
  if (!result.is_counted) (void)runtime_.refuse(result.why);
  return result;
}

void Cell::signal(Signal signal, ActorId target) {
  if (mailbox_.raise(signal, target.generation)) executor_->post(*this);
}

bool Cell::drain() {
  const Clock& clock = runtime_.world.clock;
  const TimePoint begin = clock.now();
  for (std::uint32_t steps = 1;; ++steps) {
    switch (step()) {
      case Step::ended:
        return false;
      case Step::idle:
        // Asleep, the cell may be posted to another thread at once: it is not ours any more.
        if (mailbox_.try_sleep()) return false;
        break;
      case Step::worked:
        break;
    }
    if (steps >= turn_messages_max) return true;
    if (steps % turn_clock_stride == 0 && clock.now() - begin > turn_time_max) return true;
  }
}

Step Cell::step() {
  const bool wants_mail = phase() == Phase::running && !is_blocked_ && current_ == nullptr;
  auto next = mailbox_.next(wants_mail);
  if (next.signals != Signal::none) return on_signals(next.signals);
  switch (phase()) {
    case Phase::starting:
      return start();
    case Phase::running:
      if (is_blocked_) return Step::idle;
      if (current_ != nullptr) return handle(std::move(current_));
      if (next.envelope != nullptr) return handle(std::move(next.envelope));
      return is_draining_ ? begin_stop(EndReason::drained) : Step::idle;
    case Phase::backing_off:
    case Phase::stopping:
    case Phase::parked:
    case Phase::ended:
      break;
  }
  return Step::idle;
}

Step Cell::on_signals(Signal signals) {
  if (has(signals, Signal::child_ended)) take_ended_children();
  if (has(signals, Signal::resume) && is_blocked_) {
    is_blocked_ = false;
    mailbox_.set_mail_wakes(true);
  }
  if (has(signals, Signal::kill)) return kill();
  if (has(signals, Signal::stop)) return begin_stop(EndReason::stopped);
  if (has(signals, Signal::shutdown)) return begin_stop(EndReason::shutdown);
  if (has(signals, Signal::kick)) return begin_stop(EndReason::slow_consumer);
  if (has(signals, Signal::disconnect)) return begin_stop(EndReason::disconnected);
  if (has(signals, Signal::drain)) {
    // One that cannot run now has nothing it could drain.
    if (phase() != Phase::running && phase() != Phase::starting) {
      return begin_stop(EndReason::drained);
    }
    is_draining_ = true;
    mailbox_.refuse_data(Errc::stopping);
  }
  if (phase() == Phase::stopping) return continue_stop();
  if (has(signals, Signal::restart) && phase() == Phase::backing_off) return start();
  if (has(signals, Signal::idle) && phase() == Phase::running) return on_idle_check();
  return Step::worked;
}

Step Cell::handle(EnvelopePtr envelope) {
  if (is_stale(*envelope)) return Step::worked;
  ++envelope->attempts;
  auto outcome = receive_guarded(*envelope);
  if (!outcome) {
    bury_one(std::move(envelope), DeadCause::failed, outcome.error().reason);
    return on_failure(std::move(outcome.error().reason));
  }
  if (*outcome == Handled::again) {
    current_ = std::move(envelope);
    is_blocked_ = true;
    mailbox_.set_mail_wakes(false);
    return Step::idle;
  }
  if (is_counted(envelope->kind)) mailbox_.settle_handled();
  return *outcome == Handled::stop ? begin_stop(EndReason::stopped) : Step::worked;
}

// Whether nobody waits for this any more; keeps the books of requests and timers.
bool Cell::is_stale(const Envelope& envelope) {
  switch (envelope.kind) {
    case Kind::request: {
      const TimePoint now = runtime_.world.clock.now();
      if (envelope.deadline <= now) {
        mailbox_.settle_dropped(DropCause::expired);
        return true;
      }
      requests().on_received(envelope.request_ref(), envelope.deadline, now);
      return false;
    }
    case Kind::reply: {
      // A blocked client's reply comes here again: it was taken off the books the first time.
      if (envelope.attempts != 0) return false;
      const auto timer = requests().on_reply(envelope.request);
      if (timer) {
        (void)runtime_.timers.cancel(*timer);
        return false;
      }
      mailbox_.settle_dropped(DropCause::late);
      return true;
    }
    case Kind::timer:
      if (envelope.attempts != 0 || take_fired(envelope.timer)) return false;
      mailbox_.settle_dropped(DropCause::late);
      return true;
    case Kind::down:
      // Once for each monitor; one that was taken back meanwhile is not told.
      if (envelope.attempts != 0 || std::erase(holdings().watching, envelope.sender) != 0) {
        return false;
      }
      mailbox_.settle_dropped(DropCause::late);
      return true;
    default:
      return false;
  }
}

// A timer's turn has come: forgets it, or arms it for its next period.
bool Cell::take_fired(TimerId id) {
  auto& timers = holdings().timers;
  const auto found = timers.find(id);
  if (found == timers.end()) return false;
  Holdings::Timer& timer = found->second;
  if (timer.period <= Duration::zero()) {
    timers.erase(found);
    return true;
  }
  // At a fixed rate; periods missed while the actor was busy are skipped, not made up for.
  const TimePoint now = runtime_.world.clock.now();
  timer.due += timer.period;
  if (timer.due <= now) timer.due += ((now - timer.due) / timer.period + 1) * timer.period;
  timer.key =
      runtime_.timers.set(timer.due, {Due::What::user_timer, id_, static_cast<std::uint64_t>(id)});
  return true;
}

Outcome Cell::receive_guarded(const Envelope& envelope) {
  if (runtime_.world.faults.hit(FaultSite::receive)) return std::unexpected(Failure{"injected"});
  Context context(runtime_, *this);
  try {
    return actor_->receive(context, envelope);
  } catch (const std::exception& error) {
    return std::unexpected(Failure{error.what()});
  } catch (...) {
    return std::unexpected(Failure{"threw something that is no std::exception"});
  }
}

bool Cell::add_watcher(ActorId watcher, ActorId target) {
  const std::lock_guard lock(watch_mutex_);
  if (watched_generation_ != target.generation) return false;
  if (std::find(watchers_.begin(), watchers_.end(), watcher) == watchers_.end()) {
    watchers_.push_back(watcher);
  }
  return true;
}

void Cell::remove_watcher(ActorId watcher, ActorId target) {
  const std::lock_guard lock(watch_mutex_);
  if (watched_generation_ == target.generation) std::erase(watchers_, watcher);
}

void Cell::child_ended(ActorId child, ActorId target) {
  {
    const std::lock_guard lock(watch_mutex_);
    if (watched_generation_ != target.generation) return;
    ended_children_.push_back(child);
  }
  signal(Signal::child_ended, target);
}

void Cell::take_ended_children() {
  std::vector<ActorId> ended;
  {
    const std::lock_guard lock(watch_mutex_);
    ended.swap(ended_children_);
  }
  for (const ActorId child : ended) std::erase(holdings().children, child);
}

Requests& Cell::requests() {
  if (requests_ == nullptr) requests_ = std::make_unique<Requests>();
  return *requests_;
}

Holdings& Cell::holdings() {
  if (holdings_ == nullptr) holdings_ = std::make_unique<Holdings>();
  return *holdings_;
}

}  // namespace backstage
