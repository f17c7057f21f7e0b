#include "daemon/gateway/session.hpp"

#include "core/cell.hpp"
#include "daemon/gateway/refusals.hpp"

namespace backstage::gateway {

Session::Session(House& given_house, Connection& route, const Token& token)
    : house(given_house),
      token_(token),
      principal_(route.principal()),
      route_(&route),
      is_lockstep_(route.is_lockstep()) {}

// Nobody waits for those any more.
Session::~Session() {
  asked.for_each([this](RequestId, const Asked& one) { house.deadlines.forget(one.deadline); });
}

void Session::raise(Signal signal) {
  if (cell_ != nullptr) cell_->signal(signal, cell_id_);
}

SendResult Session::deliver(std::string_view control, const Payload* payload) {
  return route_ == nullptr ? SendResult::gone : route_->deliver(control, payload);
}

std::uint64_t Session::waiting_bytes() const {
  return cell_ == nullptr ? 0 : cell_->mailbox().depth().waiting_bytes();
}

std::uint64_t Session::shed(std::uint64_t bytes) {
  return cell_ == nullptr ? 0 : cell_->shed(bytes, cell_id_);
}

void Session::settle(std::uint64_t id, const KeptAnswer& answer) {
  if (id != 0 && keeps_answers()) kept_.keep(id, answer, house.options.limits.answers_kept);
  if (answer.status == wire::status_ok) {
    if (route_ == nullptr || !route_->wants_ok(id)) return;
    ok({.id = id, .n = answer.n, .full = answer.full});
  } else {
    refuse(id, answer.status);
  }
}

Result<ActorId> Session::resolve(std::string_view actor) {
  if (last_target != nullptr && last_target->name == actor && context().is_alive(last_target->id)) {
    return last_target->id;
  }
  const auto found = context().resolve(actor);
  if (!found) return found;
  if (last_target == nullptr) last_target = std::make_unique<Target>();
  *last_target = {NameRef(actor), *found};
  return found;
}

bool Session::is_repeated(std::uint64_t id) {
  if (id == 0 || !keeps_answers()) return false;
  if (const KeptAnswer* kept = kept_.find(id)) {
    if (kept->status == wire::status_ok) {
      say(wire::Ok{.id = id, .n = kept->n, .full = kept->full, .dup = true});
    } else {
      say(wire::Err{
          .id = id, .status = kept->status, .retry_ms = retry_hint(kept->status), .dup = true});
    }
    return true;
  }
  if (!kept_.is_forgotten(id)) return false;
  refuse(id, wire::WireErrc::dup_unknown);
  return true;
}

}  // namespace backstage::gateway
