// Session's beginning and end: the cell that stands for it in the engine.
#include <fmt/core.h>

#include <utility>

#include "core/cell.hpp"
#include "daemon/gateway/client_actor.hpp"
#include "daemon/gateway/session.hpp"
#include "daemon/gateway/sessions.hpp"

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
  mailbox.tally = &house.counters.clients;
  Result<Cell*> cell = Refused(Errc::name_in_use);
  std::string picked(name);
  const auto number = static_cast<std::uint64_t>(route_->peer().id);
  for (int tries = 0; tries < name_tries_max; ++tries) {
    // A name that somebody has taken on purpose is passed over.
    if (name.empty()) picked = fmt::format("client.{:x}", number + (std::uint64_t(tries) << 32U));
    cell = house.engine.attach(picked, std::make_unique<ClientActor>(*this), house.ready, mailbox);
    if (cell || !name.empty() || cell.error() != Errc::name_in_use) break;
  }
  if (!cell) return Refused(cell.error());
  cell_ = *cell;
  cell_id_ = context().self();
  name_ = (*cell)->name();
  is_named_ = !name.empty();
  route_->take_in(*this);
  house.counters.sessions.add();
  house.counters.sessions_opened.add();
  house.events.session_opened(name_, route_->peer());
  return {};
}

void Session::end(EndReason reason, std::optional<wire::Status> farewell) {
  if (state_ == State::active) {
    farewell_ = farewell ? std::make_unique<const wire::Status>(*farewell) : nullptr;
  }
  switch (reason) {
    case EndReason::slow_consumer:
      return end_now(Signal::kick);
    case EndReason::disconnected:
      return end_now(Signal::disconnect);
    default:
      return end_now(Signal::shutdown);
  }
}

void Session::end_by_client() {
  ended_by_client_ = true;
  end_now(Signal::disconnect);
}

void Session::end_now(Signal signal) {
  leave_detached();
  if (state_ != State::active) return;
  state_ = State::ending;
  raise(signal);
}

void Session::leave_detached() {
  if (state_ != State::detached) return;
  state_ = State::active;
  house.sessions->on_attached(*this);
  house.counters.sessions_detached.take();
}

void Session::on_cell_ended(EndReason reason) {
  leave_detached();
  cell_ = nullptr;
  state_ = State::over;
  principal_.subscriptions -= subscribed;
  house.counters.sessions.take();
  if (reason == EndReason::slow_consumer) house.counters.kicked.add();
  house.events.session_ended(name_, reason);
  if (route_ != nullptr) leave_route(reason);
  house.over.push_back(this);
}

void Session::leave_route(EndReason reason) {
  Connection& route = *std::exchange(route_, nullptr);
  const bool is_told = !is_lockstep() && !ended_by_client_;
  const auto status = farewell_ != nullptr ? *farewell_ : farewell_of(reason);
  answer_the_asked(route, status);
  route.let_go(is_named_ && !ended_by_client_, is_told ? std::optional(status) : std::nullopt);
}

// Of what it asked others there will be no answer, though it may have been handled. A REQ socket
// waits for exactly one message, and gets no other.
void Session::answer_the_asked(Connection& route, wire::Status status) {
  const bool is_stopping = status == wire::status(Errc::stopping);
  const auto unknown = is_stopping ? wire::status(Errc::actor_failed) : status;
  if (!is_lockstep()) {
    if (!is_stopping || ended_by_client_) return;
    route.expect_answers(static_cast<std::uint32_t>(asked.size()));
  }
  asked.for_each([&](RequestId, const Asked& one) {
    const bool is_due = !is_lockstep() || (one.turn == route.turn() && !route.is_answered());
    if (is_due) route.refuse(one.id, unknown);
  });
}

void Session::say_draining(std::chrono::milliseconds within) {
  if (state_ == State::active && !is_lockstep()) say(wire::Draining{within});
}

}  // namespace backstage::gateway
