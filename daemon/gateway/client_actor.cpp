#include "daemon/gateway/client_actor.hpp"

#include <new>

#include "core/topics.hpp"
#include "daemon/gateway/refusals.hpp"

namespace backstage::gateway {
namespace {

std::string_view address_of(const Envelope& envelope) { return envelope.topic->address.text(); }

wire::Msg line_of(const Session::Subscription& subscription, const Envelope& envelope) {
  return {.sub = subscription.number,
          .address = address_of(envelope),
          .seq = envelope.seq,
          .sender = shown_sender(envelope.sender_name.text()),
          .type = envelope.type,
          .snapshot = envelope.is_snapshot};
}

}  // namespace

Outcome ClientActor::receive(Context& context, const Envelope& envelope) {
  if (session_.is_paused()) return Handled::again;
  switch (envelope.kind) {
    case Kind::publish:
      return on_publish(envelope);
    case Kind::send:
    case Kind::request:
      return on_mail(context, envelope);
    case Kind::reply:
      return on_reply(envelope);
    case Kind::gap:
      return on_gap(envelope);
    case Kind::barrier:
      return on_barrier(envelope);
    case Kind::down:
      return on_down(envelope);
    case Kind::timer:
    case Kind::interest:
    case Kind::started:
    case Kind::succession:
      break;  // A session sets no timers and spawns nothing.
  }
  return Handled::done;
}

void ClientActor::ended(Context& /*context*/, EndReason reason) noexcept {
  session_.on_cell_ended(reason);
}

// False: not taken, the message is to come again.
template <class Line>
bool ClientActor::say(const Line& line, const Payload* payload) {
  std::string& text = session_.house.delivery;
  text.clear();
  wire::encode(text, line);
  return session_.deliver(text, payload) == SendResult::sent;
}

Outcome ClientActor::on_publish(const Envelope& envelope) {
  const auto found = session_.subscriptions.find(envelope.subscription);
  if (found == session_.subscriptions.end()) return Handled::done;
  if (!say(line_of(found->second, envelope), &envelope.payload)) return Handled::again;
  note_handed(*found, envelope);
  return Handled::done;
}

// What would have to wait comes by the mailbox, which is where things wait.
bool ClientActor::hear_now(const Envelope& envelope) noexcept try {
  if (session_.state() != Session::State::active || session_.is_paused()) return false;
  const auto found = session_.subscriptions.find(envelope.subscription);
  if (found == session_.subscriptions.end()) return true;
  const Flow* const flow = found->second.flow.get();
  if (flow != nullptr && (flow->is_held || flow->is_ending)) return false;
  std::string& text = session_.house.delivery;
  text.clear();
  wire::encode(text, line_of(found->second, envelope));
  if (session_.route()->offer(text, envelope.payload) != SendResult::sent) return false;
  note_handed(*found, envelope);
  return true;
} catch (const std::bad_alloc&) {
  return false;
}

void ClientActor::note_handed(std::pair<const SubscriptionId, Session::Subscription>& entry,
                              const Envelope& envelope) {
  auto& [id, subscription] = entry;
  if (subscription.flow != nullptr) session_.on_handed(id, subscription, envelope);
}

// To the client's own name; a request waits for its REP or ERR under a number of the session's.
Outcome ClientActor::on_mail(Context& context, const Envelope& envelope) {
  const bool is_request = envelope.kind == Kind::request;
  if (is_request && !has_room_for_request(context.now())) {
    (void)context.reply_error(envelope.request_ref(), Errc::requests_full,
                              sentence(Errc::requests_full));
    return Handled::done;
  }
  const std::uint64_t rid = session_.last_rid + 1;
  const wire::Msg line{.sub = 0,
                       .address = session_.name(),
                       .seq = 0,
                       .sender = shown_sender(envelope.sender_name.text()),
                       .type = envelope.type,
                       .rid = is_request ? rid : 0};
  if (!say(line, &envelope.payload)) return Handled::again;
  if (is_request) {
    session_.last_rid = rid;
    session_.open_requests.emplace(rid, Session::Open{envelope.request_ref(), envelope.deadline});
  }
  return Handled::done;
}

bool ClientActor::has_room_for_request(TimePoint now) {
  auto& open = session_.open_requests;
  if (open.size() < session_.house.options.limits.open_requests_max) return true;
  open.erase_if([now](const auto& entry) { return entry.second.deadline <= now; });
  return open.size() < session_.house.options.limits.open_requests_max;
}

Outcome ClientActor::on_reply(const Envelope& envelope) {
  const auto* const found = session_.asked.find(envelope.request);
  if (found == nullptr) return Handled::done;
  const Session::Asked asked = *found;
  session_.house.deadlines.forget(asked.deadline);
  if (session_.is_lockstep() && asked.turn != session_.turn()) {
    // It has asked anew since (ZMQ_REQ_RELAXED) and would take this for that answer.
    session_.asked.erase(envelope.request);
    session_.house.counters.late_replies.add();
    return Handled::done;
  }
  bool is_taken = false;
  if (!envelope.is_error) {
    is_taken = say(wire::Rep{.id = asked.id, .type = envelope.type}, &envelope.payload);
  } else {
    const auto text = envelope.payload.text();
    const bool has_own_text = !text.empty() && text != sentence(envelope.error);
    const auto status = wire::status(envelope.error);
    is_taken = say(wire::Err{.id = asked.id, .status = status, .retry_ms = retry_hint(status)},
                   has_own_text ? &envelope.payload : nullptr);
  }
  if (!is_taken) return Handled::again;
  session_.note_answered(asked.id);
  session_.asked.erase(envelope.request);
  return Handled::done;
}

Outcome ClientActor::on_gap(const Envelope& envelope) {
  const auto found = session_.subscriptions.find(envelope.subscription);
  if (found == session_.subscriptions.end()) return Handled::done;
  const auto reason = wire::find_gap_reason(envelope.payload.text());
  const wire::Gap line{.sub = found->second.number,
                       .address = address_of(envelope),
                       .first = envelope.seq,
                       .last = envelope.seq_last,
                       .reason = reason.value_or(wire::GapReason::slow)};
  if (!say(line, nullptr)) return Handled::again;
  note_handed(*found, envelope);
  return Handled::done;
}

// Once, and only if it was not unwatched meanwhile.
Outcome ClientActor::on_down(const Envelope& envelope) {
  const auto name = envelope.sender_name.text();
  const auto found = session_.watches.find(name);
  if (found == session_.watches.end()) return Handled::done;
  if (!say(wire::Down{name, envelope.payload.text()}, nullptr)) return Handled::again;
  session_.watches.erase(found);
  return Handled::done;
}

// All that was queued before the UNSUB has been delivered: its OK may go.
Outcome ClientActor::on_barrier(const Envelope& envelope) {
  const auto found = session_.barriers.find(envelope.request);
  if (found == session_.barriers.end()) return Handled::done;
  if (session_.has_waiting()) return Handled::again;
  const auto [id, subscription] = found->second;
  session_.forget_subscription(subscription);
  session_.barriers.erase(found);
  session_.ok({.id = id});
  return Handled::done;
}

}  // namespace backstage::gateway
