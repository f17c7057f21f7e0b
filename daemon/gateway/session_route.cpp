// Session's way from one connection to the next: detached, resumed, and what is told of it.
#include <utility>

#include "daemon/gateway/session.hpp"
#include "daemon/gateway/sessions.hpp"

namespace backstage::gateway {
namespace {

// Lines about a connection, of no use on the next.
bool is_about_connection(std::string_view line) noexcept {
  return line.starts_with("WELCOME ") || line.starts_with("PONG ") || line == "PING" ||
         line.starts_with("DRAINING ");
}

}  // namespace

void Session::set_ttl(std::chrono::seconds ttl) {
  ttl_ =
      is_lockstep() ? std::chrono::seconds{0} : std::min(ttl, house.options.limits.resume_ttl_max);
}

void Session::on_writable() {
  if (replay_ != nullptr) {
    if (!replay_->go_on()) return;
    replay_.reset();
  }
  raise(Signal::resume);
}

void Session::lose_route(std::list<Outbox::Single> waiting) {
  route_ = nullptr;
  replay_.reset();
  std::erase_if(waiting, [](const auto& one) { return is_about_connection(one.control); });
  waiting_.splice(waiting_.end(), waiting);
}

void Session::on_route_lost(std::list<Outbox::Single> waiting) {
  lose_route(std::move(waiting));
  if (state_ != State::active) return;
  const auto handed = flows_ == nullptr ? 0 : flows_->handed_addresses;
  const bool is_remembered = handed <= house.options.limits.resume_addresses_max;
  if (!is_kept() || house.is_draining || !is_remembered) return end_now(Signal::disconnect);
  state_ = State::detached;
  expires_at_ = later(house.clock.now(), ttl_);
  house.sessions->on_detached(*this);
  house.counters.detached.add();
  house.counters.sessions_detached.add();
  house.events.session_detached(name_, ttl_);
}

bool Session::may_be_resumed_by(const Peer& peer) const noexcept {
  const bool is_alive = state_ == State::active || state_ == State::detached;
  return is_alive && is_kept() && !house.is_draining && peer.kind != SocketKind::req &&
         peer.user_id == principal_.user;
}

void Session::resume_on(Connection& route) {
  if (route_ != nullptr) route_->on_superseded();
  leave_detached();
  route_ = &route;
  route.take_in(*this);
  house.counters.resumed.add();
  house.events.session_resumed(name_, route.peer());
}

void Session::begin_replay() {
  // Without acknowledgement nobody knows what of it arrived; the GAPs say so.
  for (auto& [id, subscription] : subscriptions) {
    if (subscription.flow == nullptr) continue;
    Flow& flow = *subscription.flow;
    const auto before = flow.window.bytes();
    // With it that is so of what was sent before it was asked for.
    if (flow.acks) {
      flow.window.forget_marks();
    } else {
      flow.window.forget_marks_and_gaps();
    }
    count_in_flight(before, flow.window.bytes());
    hold_or_release(id, flow);
  }
  replay_ = std::make_unique<Replay>(*this);
  on_writable();
}

void Session::give_way() {
  if (route_ != nullptr) route_->let_go(false);
  route_ = nullptr;
  ended_by_client_ = true;
  end_now(Signal::disconnect);
}

}  // namespace backstage::gateway
