#include "daemon/gateway/connection.hpp"

#include <chrono>
#include <utility>

#include "daemon/gateway/heartbeats.hpp"
#include "daemon/gateway/refusals.hpp"
#include "daemon/gateway/sessions.hpp"

namespace backstage::gateway {
namespace {

// PING is said after one, and after two; one more, and the peer is taken for lost.
constexpr std::uint8_t silent_intervals_max = 2;

}  // namespace

Connection::Connection(House& given_house, const Peer& peer)
    : house(given_house),
      peer_(peer),
      principal_(given_house.principals.of(peer.user_id)),
      outbox_(given_house, peer.id) {}

void Connection::put(const Outgoing& message) {
  if (state_ == State::gone) return;
  is_answered_ = true;
  switch (outbox_.put(message)) {
    case Outbox::Put::done:
      return;
    case Outbox::Put::gone:
      return on_gone();
    case Outbox::Put::full:
      return kick();
  }
}

// It sends commands and does not read: what it was to be told is of no use to it.
void Connection::kick() {
  outbox_.clear();
  if (session_ != nullptr) return session_->end(EndReason::slow_consumer);
  if (state_ != State::open || is_lockstep()) return;
  house.counters.kicked.add();
  say(wire::Farewell{wire::status(Errc::slow_consumer)});
  // Not with what others are told in this turn: whether it waits is to be known now.
  on_turn_over();
  wait_if_blocked();
}

SendResult Connection::deliver(std::string_view control, const Payload* payload) {
  const auto result = outbox_.deliver({control, payload});
  if (result == SendResult::sent) is_answered_ = true;
  if (result == SendResult::gone) on_gone();
  return result;
}

SendResult Connection::offer(std::string_view control, const Payload& payload) {
  const auto result = outbox_.deliver({control, &payload});
  if (result == SendResult::sent) is_answered_ = true;
  return result;
}

void Connection::on_writable() {
  if (state_ == State::gone) return;
  switch (outbox_.flush()) {
    case SendResult::sent:
      break;
    case SendResult::would_block:
      return;
    case SendResult::gone:
      return on_gone();
  }
  if (state_ == State::leaving) state_ = State::open;
  if (session_ != nullptr) session_->on_writable();
}

void Connection::on_turn_over() {
  if (state_ == State::gone) return;
  if (outbox_.end_turn() == SendResult::gone) on_gone();
}

void Connection::on_gone() {
  if (state_ == State::gone) return;
  state_ = State::gone;
  house.counters.gone.add();
  auto waiting = outbox_.take_answers();
  set_wishes({});
  house.departed.push_back(peer_.id);
  if (session_ == nullptr) return;
  Session& session = *std::exchange(session_, nullptr);
  session.on_route_lost(std::move(waiting));
  has_left_session_ = session.state() == Session::State::detached;
}

void Connection::on_superseded() {
  session_->lose_route(outbox_.take_answers());
  has_left_session_ = true;
  let_go(true, wire::status(wire::WireErrc::superseded));
}

void Connection::on_sign_of_life() {
  heartbeat_->heard_at = house.clock.now();
  heartbeat_->silent_intervals = 0;
}

// Intervals are counted, not measured, so that a daemon that was held up itself blames nobody.
void Connection::on_silent_interval(TimePoint now) {
  Heartbeat& beat = *heartbeat_;
  beat.next_look = never;
  const bool is_silent = now - beat.heard_at >= beat.interval;
  if (is_silent && ++beat.silent_intervals > silent_intervals_max) {
    house.counters.silent.add();
    if (session_ != nullptr) session_->on_route_lost(outbox_.take_answers());
    return let_go(true, wire::status(Errc::timeout));
  }
  beat.next_look = later(is_silent ? now : beat.heard_at, beat.interval);
  house.heartbeats->watch(*this, beat.next_look);
  if (is_silent) say(wire::Heartbeat{});
}

bool Connection::open_session(std::uint64_t id, std::string_view name) {
  const auto opened = house.sessions->open(name, *this);
  if (opened) return true;
  if (opened.error() == wire::status(wire::WireErrc::sessions_full) && !is_told_full_) {
    is_told_full_ = true;
    house.counters.sessions_refused.add();
    house.events.peer_refused(peer_.id, wire::sentence(wire::WireErrc::sessions_full));
  }
  refuse(id, opened.error());
  return false;
}

void Connection::take_in(Session& session) noexcept {
  session_ = &session;
  needs_hello_ = false;
}

void Connection::let_go(bool needs_hello, std::optional<wire::Status> farewell) {
  session_ = nullptr;
  if (farewell) say(wire::Farewell{*farewell});
  needs_hello_ = needs_hello;
  set_wishes({});
  // Who is told nothing knows of the end, and speaks in the session that follows.
  if (farewell) wait_if_blocked();
}

// What it says before it has read BYE would be said in a session that is over.
void Connection::wait_if_blocked() noexcept {
  if (state_ == State::open && has_waiting()) state_ = State::leaving;
}

void Connection::say_stopping() {
  if (session_ != nullptr) return session_->end(EndReason::shutdown);
  if (state_ == State::open && !is_lockstep()) say(wire::Farewell{wire::status(Errc::stopping)});
}

void Connection::forget_heartbeat() {
  if (heartbeat_ != nullptr && heartbeat_->next_look != never) {
    house.heartbeats->forget(*this, heartbeat_->next_look);
  }
  heartbeat_.reset();
}

void Connection::set_wishes(const Wishes& wishes) {
  forget_heartbeat();
  is_verbose_ = wishes.verbose;
  // A REQ socket takes one answer to each message, and never two in one.
  if (outbox_.set_batching(wishes.batch && !is_lockstep()) == SendResult::gone) on_gone();
  outbox_.set_one_frame(wishes.one_frame);
  if (wishes.heartbeat == Duration::zero() || state_ == State::gone) return;
  heartbeat_ = std::make_unique<Heartbeat>(Heartbeat{.interval = wishes.heartbeat});
  on_sign_of_life();
  heartbeat_->next_look = later(heartbeat_->heard_at, heartbeat_->interval);
  house.heartbeats->watch(*this, heartbeat_->next_look);
}

void Connection::note_answered(std::uint64_t id) noexcept {
  if (session_ != nullptr) session_->note_answered(id);
}

void Connection::ok(const wire::Ok& answer) {
  if (wants_ok(answer.id)) say(answer);
}

void Connection::refuse(std::uint64_t id, wire::Status status, std::string_view text,
                        std::uint64_t retry_ms) {
  count_refusal(house.counters, status);
  if (id == 0 && !is_verbose_ && !is_lockstep() && !may_complain()) {
    house.counters.err0_suppressed.add();
    return;
  }
  wire::Err error{.id = id, .status = status, .retry_ms = retry_hint(status)};
  if (retry_ms != 0) error.retry_ms = retry_ms;
  if (status == wire::status(wire::WireErrc::version)) error.supported = wire::protocol_version;
  if (text.empty()) return say(error);
  const Payload payload(text);
  say(error, &payload);
}

// Errors of commands without id: so many within a second.
bool Connection::may_complain() {
  const TimePoint now = house.clock.now();
  if (complaints_ == 0 || now - complaints_since_ >= std::chrono::seconds{1}) {
    complaints_since_ = now;
    complaints_ = 0;
  }
  return complaints_++ < house.options.limits.plain_errors_per_second;
}

}  // namespace backstage::gateway
