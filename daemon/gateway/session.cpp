#include "daemon/gateway/session.hpp"

#include <chrono>

#include "core/cell.hpp"
#include "daemon/gateway/refusals.hpp"

namespace backstage::gateway {

Session::Session(House& given_house, const Peer& peer)
    : house(given_house),
      peer_(peer),
      outbox_(given_house.transport, peer.id, given_house.options.limits, given_house.counters),
      kept_(given_house.options.limits.answers_kept) {}

void Session::put(const Outgoing& message) {
  if (state_ == State::gone) return;
  is_answered_ = true;
  switch (outbox_.put(message)) {
    case Outbox::Put::done:
      return;
    case Outbox::Put::gone:
      return on_gone();
    case Outbox::Put::full:
      // It sends commands and does not read: what it was to be told is of no use to it.
      outbox_.clear();
      return end(EndReason::slow_consumer);
  }
}

SendResult Session::deliver(std::string_view control, const Payload* payload) {
  const auto result = outbox_.deliver({control, payload});
  if (result == SendResult::sent) is_answered_ = true;
  if (result == SendResult::gone) on_gone();
  return result;
}

void Session::on_writable() {
  if (state_ == State::gone) return;
  switch (outbox_.flush()) {
    case SendResult::sent:
      break;
    case SendResult::would_block:
      return;
    case SendResult::gone:
      return on_gone();
  }
  if (state_ == State::leaving) state_ = State::fresh;
  raise(Signal::resume);
}

void Session::raise(Signal signal) {
  if (cell_ != nullptr) cell_->signal(signal, cell_id_);
}

void Session::ok(const wire::Ok& answer) {
  if (answer.id != 0 || is_verbose_ || is_lockstep()) say(answer);
}

void Session::refuse(std::uint64_t id, wire::Status status, std::string_view text) {
  count_refusal(house.counters, status);
  if (id == 0 && !is_verbose_ && !is_lockstep() && !may_complain()) {
    house.counters.err0_suppressed.add();
    return;
  }
  wire::Err error{.id = id, .status = status};
  if (status == wire::status(wire::WireErrc::version)) error.supported = wire::protocol_version;
  if (status == wire::status(Errc::mailbox_full)) error.retry_ms = retry_hint_ms;
  if (text.empty()) return say(error);
  const Payload payload(text);
  say(error, &payload);
}

// Errors of commands without id: so many within a second.
bool Session::may_complain() {
  const TimePoint now = house.clock.now();
  if (complaints_ == 0 || now - complaints_since_ >= std::chrono::seconds{1}) {
    complaints_since_ = now;
    complaints_ = 0;
  }
  return complaints_++ < house.options.limits.plain_errors_per_second;
}

void Session::settle(std::uint64_t id, const KeptAnswer& answer) {
  if (id != 0 && is_named_) kept_.keep(id, answer);
  if (answer.status == wire::status_ok) {
    ok({.id = id, .n = answer.n, .full = answer.full});
  } else {
    refuse(id, answer.status);
  }
}

bool Session::is_repeated(std::uint64_t id) {
  if (id == 0 || !is_named_) return false;
  if (const KeptAnswer* kept = kept_.find(id)) {
    if (kept->status == wire::status_ok) {
      say(wire::Ok{.id = id, .n = kept->n, .full = kept->full, .dup = true});
    } else {
      say(wire::Err{.id = id, .status = kept->status, .dup = true});
    }
    return true;
  }
  if (!kept_.is_forgotten(id)) return false;
  refuse(id, wire::WireErrc::dup_unknown);
  return true;
}

}  // namespace backstage::gateway
