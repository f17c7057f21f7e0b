#include "core/cell.hpp"

#include <algorithm>
#include <exception>
#include <mutex>
#include <utility>

#include "core/cell_parts.hpp"
#include "core/context.hpp"
#include "core/planted.hpp"
#include "core/runtime.hpp"

namespace backstage {

namespace {

// What is being thrown at the moment.
[[gnu::cold]] Failure caught() noexcept {
  try {
    throw;
  } catch (const std::exception& error) {
    return Failure{error.what()};
  } catch (...) {
    return Failure{"threw something that is no std::exception"};
  }
}

}  // namespace

std::string_view token(Phase phase) noexcept {
  static constexpr std::array<std::string_view, 6> tokens{"starting", "running", "backing_off",
                                                          "stopping", "parked",  "ended"};
  return tokens[static_cast<std::size_t>(phase)];
}

Cell::Cell(Runtime& runtime, std::uint32_t slot) noexcept : runtime_(runtime), id_{slot, 0} {}
Cell::~Cell() = default;

void Cell::open(std::uint32_t generation, CellOptions& options) {
  NameRef name(options.name);
  std::unique_ptr<Uncommon> more;
  if (!options.config.empty() || !options.tell_started.is_nobody() ||
      options.rule != CellOptions::no_rule) {
    more = std::make_unique<Uncommon>();
    more->config = options.config;
    more->tell_started = options.tell_started;
    more->rule = options.rule;
    more->idle = options.idle;
  }
  const std::lock_guard lock(lock_);
  id_.generation = generation;
  name_ = std::move(name);
  uncommon_.swap(more);
  type_.swap(options.type);
  restart_ = options.restart;
  parent_.store(options.parent, std::memory_order_relaxed);
  executor_.store(options.executor, std::memory_order_relaxed);
  actor_ = std::move(options.actor);
  end_reason_ = EndReason::stopped;
  is_draining_ = is_blocked_ = waits_for_order_ = false;
  is_gated_ = options.is_gated;
  restarts_.store(0, std::memory_order_relaxed);
  watched_generation_ = generation;
  end_is_kill_ = is_told_parked_ = false;
  watch_.reset();
  mailbox_.open(generation, options.mailbox, executor().home());
  // Last: whoever looks through all cells takes it for alive from here on.
  set_phase(Phase::starting);
}

void Cell::signal(Signal signal, ActorId target) {
  if (mailbox_.raise(signal, target.generation)) executor().post(*this);
}

std::optional<Kind> Cell::handling() const noexcept {
  const auto kind = handling_.load(std::memory_order_relaxed);
  return kind == not_handling ? std::nullopt : std::optional(static_cast<Kind>(kind));
}

std::optional<Trouble> Cell::trouble(ActorId target) const {
  const std::lock_guard lock(lock_);
  if (watched_generation_ != target.generation || watch_ == nullptr) return std::nullopt;
  return watch_->trouble;
}

inline Outcome Cell::receive_guarded(const Envelope& envelope) {
  if (runtime_.world.faults.strike(FaultSite::receive)) return std::unexpected(Failure{"injected"});
  // Only these have a chain, and whoever handles one keeps books of requests.
  const Kind kind = envelope.kind;
  const bool is_answering = kind == Kind::request || kind == Kind::reply;
  if (is_answering) [[unlikely]]
    begin_answering(envelope);
  // Told to whoever asks what a worker is busy with; undone whatever the handler does.
  handled_last_.store(envelope.id, std::memory_order_relaxed);
  handling_.store(static_cast<std::uint8_t>(kind), std::memory_order_relaxed);
  auto outcome = [&]() noexcept -> Outcome {
    try {
      Context context(runtime_, *this);
      return actor_->receive(context, envelope);
    } catch (...) {
      return std::unexpected(caught());
    }
  }();
  handling_.store(not_handling, std::memory_order_relaxed);
  if (is_answering) [[unlikely]]
    end_answering();
  return outcome;
}

void Cell::begin_answering(const Envelope& envelope) { requests().answering = &envelope; }

void Cell::end_answering() noexcept {
  if (requests_ != nullptr) requests_->answering = nullptr;
}

inline Step Cell::handle(EnvelopePtr envelope) {
  // Sends and publishes are never stale.
  if (envelope->kind > Kind::publish && is_stale(*envelope)) return Step::worked;
  ++envelope->attempts;
  auto outcome = receive_guarded(*envelope);
  if (!outcome || *outcome != Handled::done) [[unlikely]] {
    return on_outcome(std::move(envelope), std::move(outcome));
  }
  is_settling_ = is_counted(envelope->kind);
  return Step::worked;
}

// A publish, without an envelope of its own unless it needs one.
inline Step Cell::hear(DeliveryPtr delivery) {
  Envelope& envelope = Hearing::of(*delivery);
  ++envelope.attempts;
  auto outcome = receive_guarded(envelope);
  if (!outcome || *outcome != Handled::done) [[unlikely]] {
    auto alone = delivery->alone();
    ++alone->attempts;
    return on_outcome(std::move(alone), std::move(outcome));
  }
  Hearing::done(std::move(delivery));
  is_settling_ = true;
  return Step::worked;
}

inline Step Cell::step_hot() {
  const bool wants_mail = phase() == Phase::running && !is_blocked_ && current_ == nullptr;
  const bool settles = std::exchange(is_settling_, false);
  if (wants_mail && !is_draining_) [[likely]] {
    const auto taken = mailbox_.take(settles);
    if (taken.mail != nullptr) {
      if (taken.mail->is_delivery) return hear(DeliveryPtr(static_cast<Delivery*>(taken.mail)));
      return handle(EnvelopePtr(static_cast<Envelope*>(taken.mail)));
    }
    // Asleep, the cell may run on another thread by now: nothing of it is touched any more.
    if (taken.sleeps) return Step::asleep;
  }
  return step_by_wish(wants_mail, settles);
}

Step Cell::step_by_wish(bool wants_mail, bool settles) {
  auto next = mailbox_.next({wants_mail, wants_mail && !is_draining_, settles});
  if (next.envelope != nullptr) return handle(std::move(next.envelope));
  if (next.delivery != nullptr) return hear(std::move(next.delivery));
  if (next.sleeps) return Step::asleep;
  if (next.signals != Signal::none) return on_signals(next.signals);
  return step_in_phase();
}

Step Cell::step() { return step_hot(); }

bool Cell::drain(std::uint32_t steps_max) {
  // Not read for a turn of a few messages, as most are: it would cost as much as a message.
  TimePoint begin{};
  const Home* const here = Home::here();
  const std::uint64_t woken_before = here == nullptr ? 0 : here->woken;
  for (std::uint32_t steps = 1;; ++steps) {
    switch (step_hot()) {
      case Step::ended:
      case Step::asleep:
        return false;
      case Step::idle:
        // Asleep, the cell may be posted to another thread at once: it is not ours any more.
        if (mailbox_.try_sleep()) return false;
        break;
      case Step::worked:
        break;
    }
    if (steps == turn_clock_first) begin = runtime_.world.clock.now();
    const bool is_over =
        steps >= steps_max || (here != nullptr && here->woken - woken_before > turn_wakes_max) ||
        (steps % turn_clock_stride == 0 && runtime_.world.clock.now() - begin > turn_time_max);
    if (!is_over) continue;
    if (std::exchange(is_settling_, false)) mailbox_.settle_handled();
    return true;
  }
}

// There was no mail, or it was not asked for.
Step Cell::step_in_phase() {
  switch (phase()) {
    case Phase::starting:
      return is_gated_ && actor_ != nullptr ? Step::idle : start();
    case Phase::running:
      if (is_blocked_) return Step::idle;
      if (current_ != nullptr) return handle(std::move(current_));
      return is_draining_ ? begin_stop(EndReason::drained) : Step::idle;
    case Phase::backing_off:
    case Phase::stopping:
    case Phase::parked:
    case Phase::ended:
      break;
  }
  return Step::idle;
}

// Ends come first, then what a supervisor orders, then what the actor itself is due.
Step Cell::on_signals(Signal signals) {
  if (has(signals, Signal::orphan)) parent_.store(nobody, std::memory_order_relaxed);
  // Before anything can come between: a member that is recycled now must not wait again. One that
  // is detached has no group any more.
  if (has(signals, Signal::go | Signal::orphan)) is_gated_ = false;
  if (has(signals, Signal::resume) && is_blocked_) {
    is_blocked_ = false;
    mailbox_.set_mail_wakes(true);
  }
  if (has(signals, Signal::kill)) return kill();
  if (has(signals, Signal::news) && take_child_events() == Step::ended) return Step::ended;
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
  if (has(signals, Signal::news)) succeed_now();
  // The wish of a self that is lost already is lost with it.
  if (has(signals, Signal::stop_self) && actor_ != nullptr) return stop_self();
  if (has(signals, Signal::recycle)) return recycle();
  if (waits_for_order_) {
    if (has(signals, Signal::orphan)) return on_orphaned();
    if (has(signals, Signal::restart)) return back_off(troubles().wait);
  } else if (has(signals, Signal::backoff_over) && phase() == Phase::backing_off) {
    return start();
  }
  if (has(signals, Signal::unpark) && phase() == Phase::parked) return unpark();
  if (has(signals, Signal::idle) && phase() == Phase::running) return on_idle_check();
  return Step::worked;
}

Step Cell::on_outcome(EnvelopePtr envelope, Outcome outcome) {
  if (!outcome) return on_handler_failed(std::move(envelope), std::move(outcome.error().reason));
  if (*outcome == Handled::again) {
    current_ = std::move(envelope);
    is_blocked_ = true;
    mailbox_.set_mail_wakes(false);
    return Step::idle;
  }
  if (is_counted(envelope->kind)) mailbox_.settle_handled();
  return stop_self();
}

// The message is tried again by the next self, at the head of the mailbox, or is a dead letter.
Step Cell::on_handler_failed(EnvelopePtr envelope, std::string reason) {
  const bool may_retry = is_data(envelope->kind) && !envelope->fails_fast && !is_client() &&
                         envelope->attempts <= type_->supervision.retries;
  if (!may_retry) {
    bury_one(std::move(envelope), DeadCause::failed, reason);
    return on_failure(std::move(reason));
  }
  // Its asker goes on waiting: it is not among those that are told of the failure.
  if (envelope->kind == Kind::request) (void)requests().close(envelope->request_ref());
  if (planted(Bug::retry_goes_last)) {
    mailbox_.settle_handled();
    (void)mailbox_.push(envelope, id_.generation);
  } else if (!planted(Bug::retry_loses_message)) {
    current_ = std::move(envelope);
  }
  return on_failure(std::move(reason));
}

// Whether nobody waits for this any more; keeps the books of requests and timers.
bool Cell::is_stale(Envelope& envelope) {
  switch (envelope.kind) {
    case Kind::request:
      return is_stale_request(envelope);
    case Kind::reply: {
      // A blocked client's reply comes here again: it was taken off the books the first time.
      if (envelope.attempts != 0) return false;
      auto asked = requests().on_reply(envelope.request);
      if (asked) {
        (void)runtime_.timers.cancel(asked->deadline);
        envelope.chain = std::move(asked->chain);
        return false;
      }
      if (planted(Bug::restart_keeps_asked)) return false;
      settle_dropped(envelope, DropCause::late);
      return true;
    }
    case Kind::timer:
      if (envelope.attempts != 0 || take_fired(envelope.timer)) return false;
      settle_dropped(envelope, DropCause::late);
      return true;
    case Kind::down:
      // Once for each monitor; one that was taken back meanwhile is not told.
      if (envelope.attempts != 0 || std::erase(holdings().watching, envelope.sender) != 0 ||
          holdings().watched_names.erase(std::string(envelope.sender_name.text())) != 0) {
        return false;
      }
      settle_dropped(envelope, DropCause::late);
      return true;
    case Kind::succession:
      give_way(take_expected());
      return true;
    default:
      return false;
  }
}

bool Cell::is_stale_request(const Envelope& envelope) {
  // Most deadlines are so far off that there is no need to look closely.
  TimePoint now = runtime_.world.clock.about_now();
  if (envelope.deadline - now <= Clock::about_now_lag_max) now = runtime_.world.clock.now();
  if (envelope.deadline <= now) {
    settle_dropped(envelope, DropCause::expired);
    return true;
  }
  if (!runtime_.directory.is_alive(envelope.sender)) {
    settle_dropped(envelope, DropCause::cancelled);
    return true;
  }
  requests().on_received(envelope.request_ref(), envelope.deadline, now);
  return false;
}

void Cell::settle_dropped(const Envelope& envelope, DropCause cause) {
  mailbox_.settle_dropped(cause);
  runtime_.fates.add(envelope.id, cause, id_);
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
  timer.due = later(timer.due, timer.period);
  if (timer.due <= now) timer.due += ((now - timer.due) / timer.period + 1) * timer.period;
  timer.key =
      runtime_.timers.set(timer.due, {Due::What::user_timer, id_, static_cast<std::uint64_t>(id)});
  return true;
}

CallChain Cell::chain() const {
  const Envelope* const answering = requests_ == nullptr ? nullptr : requests_->answering;
  if (answering == nullptr) return {};
  if (answering->kind == Kind::reply) return answering->chain;
  return {answering->chain, answering->sender};
}

Requests& Cell::requests() {
  if (requests_ == nullptr) requests_ = std::make_unique<Requests>();
  return *requests_;
}

Holdings& Cell::holdings() {
  if (holdings_ == nullptr) holdings_ = std::make_unique<Holdings>();
  return *holdings_;
}

Troubles& Cell::troubles() { return uncommon().troubles; }

Cell::Uncommon& Cell::uncommon() {
  if (uncommon_ == nullptr) uncommon_ = std::make_unique<Uncommon>();
  return *uncommon_;
}

bool Cell::is_activated() const noexcept {
  return uncommon_ != nullptr && uncommon_->rule != CellOptions::no_rule;
}

void Cell::cancel_life_timer() {
  if (uncommon_ == nullptr) return;
  (void)runtime_.timers.cancel(std::exchange(uncommon_->life_timer, TimerKey{}));
}

}  // namespace backstage
