// Session's beginning and end: the cell that stands for it in the engine.
#include <fmt/core.h>

#include "core/cell.hpp"
#include "daemon/gateway/client_actor.hpp"
#include "daemon/gateway/session.hpp"

namespace backstage::gateway {
namespace {

constexpr int name_tries_max = 64;

wire::Status farewell_of(EndReason reason) noexcept {
  if (reason == EndReason::slow_consumer) return wire::status(Errc::slow_consumer);
  return wire::status(reason == EndReason::failed ? Errc::actor_failed : Errc::stopping);
}

}  // namespace

Result<void> Session::open(std::string_view name) {
  const auto& limits = house.options.limits;
  Mailbox::Options mailbox;
  mailbox.limits.data_messages_max = is_lockstep() ? 0 : limits.session_messages_max;
  mailbox.limits.data_bytes_max = limits.session_bytes_max;
  mailbox.overflow = Overflow::reject;
  mailbox.notes_losses = true;
  Result<Cell*> cell = Refused(Errc::name_in_use);
  std::string picked(name);
  auto number = static_cast<std::uint64_t>(peer_.id);
  for (int tries = 0; tries < name_tries_max; ++tries) {
    // A name that somebody has taken on purpose is passed over.
    if (name.empty()) picked = fmt::format("client.{:x}", number + (std::uint64_t(tries) << 32U));
    cell = house.engine.attach(picked, std::make_unique<ClientActor>(*this), house.ready, mailbox);
    if (cell || !name.empty() || cell.error() != Errc::name_in_use) break;
  }
  if (!cell) return Refused(cell.error());
  cell_ = *cell;
  cell_id_ = context().self();
  name_ = std::move(picked);
  is_named_ = !name.empty();
  needs_hello_ = false;
  ended_by_client_ = false;
  state_ = State::active;
  house.counters.sessions.add();
  house.counters.sessions_opened.add();
  house.events.session_opened(name_, peer_);
  return {};
}

void Session::end(EndReason reason) {
  if (state_ == State::active) {
    state_ = State::ending;
    return raise(reason == EndReason::slow_consumer ? Signal::kick : Signal::shutdown);
  }
  if (state_ != State::fresh || is_lockstep()) return;
  if (reason == EndReason::slow_consumer) house.counters.kicked.add();
  say(wire::Farewell{farewell_of(reason)});
  if (state_ == State::fresh && !outbox_.empty()) state_ = State::leaving;
}

void Session::end_by_client() {
  if (state_ != State::active) return;
  ended_by_client_ = true;
  state_ = State::ending;
  raise(Signal::disconnect);
}

void Session::on_gone() {
  if (state_ == State::gone) return;
  state_ = State::gone;
  house.counters.gone.add();
  outbox_.clear();
  house.departed.push_back(peer_.id);
  raise(Signal::disconnect);
}

void Session::on_cell_ended(EndReason reason) {
  cell_ = nullptr;
  house.counters.sessions.take();
  house.events.session_ended(name_, reason);
  if (state_ != State::gone) {
    state_ = State::fresh;
    needs_hello_ = is_named_ && !ended_by_client_;
    if (reason == EndReason::slow_consumer) house.counters.kicked.add();
    if (is_lockstep()) {
      answer_the_asked(farewell_of(reason));
    } else if (!ended_by_client_) {
      say(wire::Farewell{farewell_of(reason)});
    }
    // What it says before it has read BYE would be said in a session that is over.
    if (state_ == State::fresh && !outbox_.empty()) state_ = State::leaving;
  }
  forget_books();
}

// A REQ socket waits for exactly one message, and gets no other.
void Session::answer_the_asked(wire::Status status) {
  for (const auto& [request, one] : asked) {
    if (one.turn == turn_ && !is_answered_) return refuse(one.id, status);
  }
}

void Session::forget_books() {
  name_.clear();
  is_named_ = false;
  is_verbose_ = false;
  outbox_.set_one_frame(false);
  kept_.clear();
  subscriptions.clear();
  by_pattern.clear();
  asked.clear();
  open_requests.clear();
  barriers.clear();
  last_subscription = 0;
  last_rid = 0;
}

void Session::say_stopping() {
  if (state_ == State::active) return end(EndReason::shutdown);
  if (state_ == State::fresh && !is_lockstep())
    say(wire::Farewell{farewell_of(EndReason::shutdown)});
}

void Session::say_draining(std::chrono::milliseconds within) {
  if (state_ == State::active && !is_lockstep()) say(wire::Draining{within});
}

}  // namespace backstage::gateway
