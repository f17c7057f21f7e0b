#include "daemon/gateway/ingest_door.hpp"

#include <algorithm>
#include <variant>

#include "daemon/gateway/batch_entry.hpp"
#include "daemon/gateway/command_rights.hpp"
#include "daemon/gateway/refusals.hpp"
#include "daemon/wire/decode.hpp"

namespace backstage::gateway {
namespace {

using namespace std::chrono_literals;

// A target with room is found soon, a stuck one costs little.
constexpr Duration backoff_min = 1ms;
constexpr Duration backoff_max = 20ms;
// The sender that actors see when a SEND names none.
constexpr std::string_view nameless = "$ingest";

}  // namespace

void IngestDoor::on_message(InMessage& message) {
  house_.counters.ingested.add();
  Principal& principal = house_.principals.of(message.user_id());
  if (!is_turned_away(principal, 1)) execute(message, principal);
}

void IngestDoor::execute(InMessage& message, Principal& principal) {
  const auto parts = wire::split(message.frames());
  if (!parts) return refuse(parts.error().status, {});
  const auto command = wire::decode(parts->control);
  if (!command) return refuse(command.error().status, parts->control);
  const auto* send = std::get_if<wire::Send>(&*command);
  const auto* publish = std::get_if<wire::Publish>(&*command);
  const auto* batch = std::get_if<wire::Batch>(&*command);
  if (send == nullptr && publish == nullptr && batch == nullptr) {
    return refuse(wire::status(wire::WireErrc::not_here), parts->control);
  }
  // A batch is as large as a message may be at all; each of its entries is looked at by itself.
  if (parts->payload.size() > house_.options.limits.payload_bytes_max && batch == nullptr) {
    return refuse(wire::status(Errc::too_large), parts->control);
  }
  // Held until the command is done: the control line may lie in the same frame.
  Payload payload;
  if (!parts->payload.empty()) {
    payload = message.take(parts->payload_frame, parts->payload_offset);
  }
  if (batch != nullptr) return on_batch(*batch, std::move(payload), parts->control, principal);
  if (send != nullptr) return on_send(*send, payload, parts->control, principal);
  on_publish(*publish, payload, parts->control, principal);
}

// Who has proved nothing, whose key is gone, or who speaks too fast. Refused, if true.
bool IngestDoor::is_turned_away(Principal& principal, std::uint32_t messages) {
  if (!principal.is_current) {
    house_.counters.unauthenticated.add();
    refuse(wire::status(wire::WireErrc::unauthenticated), {});
    return true;
  }
  if (!principal.is_remote) return false;
  if (house_.principals.admit(principal, house_.clock.now(), messages).count() == 0) return false;
  house_.counters.over_rate.add();
  refuse(wire::status(wire::WireErrc::rate), {});
  return true;
}

void IngestDoor::on_batch(const wire::Batch& batch, Payload payload, std::string_view control,
                          Principal& principal) {
  // The reader's views point into what is kept.
  Rest& rest = rest_.emplace(Rest{std::move(payload), {}, &principal});
  const auto reader = wire::BatchReader::open(rest.batch.text(), batch.count);
  if (!reader) {
    // While the frame lives, in which the control line may lie.
    refuse(reader.error().status, control);
    return rest_.reset();
  }
  if (is_turned_away(principal, batch.count)) return rest_.reset();
  house_.counters.batches_in.add();
  rest.reader = *reader;
  run_rest();
}

// Up to a message whose target is full, if there is one: the others wait behind it.
void IngestDoor::run_rest() {
  while (!stalled_) {
    const auto message = rest_->reader.next();
    if (!message) return rest_.reset();
    BatchEntry entry(rest_->batch, *message, rest_->principal->user);
    execute(entry, *rest_->principal);
  }
}

void IngestDoor::on_send(const wire::Send& send, Payload payload, std::string_view control,
                         const Principal& principal) {
  const std::string_view from = send.from.empty() ? nameless : send.from;
  const bool is_allowed = principal.rights.allows(policy::Right::ingest, from) &&
                          may_reach(principal.rights, policy::Right::send, send.actor);
  if (!is_allowed || (!send.from.empty() && !may_speak_as(send.from, principal))) {
    return refuse(wire::status(wire::WireErrc::forbidden), control);
  }
  const auto sent = house_.engine.send(send.actor, {send.type, payload}, from);
  if (sent) return;
  if (sent.error() != Errc::mailbox_full) return refuse(wire::status(sent.error()), control);
  house_.counters.ingest_stalls.add();
  house_.events.ingest_stalled(send.actor);
  stalled_ = Stalled{std::string(send.actor), std::string(send.type), std::string(from),
                     std::move(payload)};
  backoff_ = backoff_min;
  retry_at_ = house_.clock.now() + backoff_;
  house_.transport.pause_ingest();
}

// Ruling 17: `PUB feed/x` names its publisher itself; `from=` must agree, and `PUB /x` needs it.
void IngestDoor::on_publish(const wire::Publish& publish, const Payload& payload,
                            std::string_view control, const Principal& principal) {
  const std::string_view name = publish.actor.empty() ? publish.from : publish.actor;
  const bool agree = publish.from.empty() || publish.from == name;
  if (name.empty() || !agree) return refuse(wire::status(Errc::bad_arg), control);
  if (is_reserved(name)) return refuse(wire::status(Errc::reserved_name), control);
  const auto address = Address::join(name, publish.topic);
  if (!address) return refuse(wire::status(address.error()), control);
  const bool is_allowed = principal.rights.allows(policy::Right::ingest, name) &&
                          principal.rights.allows(policy::Right::pub, address->text());
  if (!is_allowed || !may_speak_as(name, principal)) {
    return refuse(wire::status(wire::WireErrc::forbidden), control);
  }
  const auto published =
      house_.engine.publish(*address, {publish.type, payload}, name, {.retain = publish.retain});
  if (!published) refuse(wire::status(published.error()), control);
}

// A name that an actor or a session holds is theirs alone, but for a rule that says otherwise in so
// many words.
bool IngestDoor::may_speak_as(std::string_view name, const Principal& principal) const {
  if (is_reserved(name)) return false;
  return !house_.engine.find(name) ||
         principal.rights.allows_expressly(policy::Right::ingest, name);
}

void IngestDoor::refuse(wire::Status status, std::string_view control) {
  house_.counters.ingest_refused.add();
  count_refusal(house_.counters, status);
  house_.events.ingest_refused(status, control);
}

Result<MessageId> IngestDoor::try_again() {
  return house_.engine.send(stalled_->actor, {stalled_->type, stalled_->payload}, stalled_->from);
}

void IngestDoor::on_time(TimePoint now) {
  if (!stalled_ || now < retry_at_) return;
  const auto sent = try_again();
  if (!sent && sent.error() == Errc::mailbox_full) {
    backoff_ = std::min(backoff_ * 2, backoff_max);
    retry_at_ = now + backoff_;
    return;
  }
  if (!sent) refuse(wire::status(sent.error()), stalled_->actor);
  stalled_.reset();
  if (rest_) run_rest();
  if (stalled_) return;
  house_.events.ingest_resumed();
  if (!is_closed_) house_.transport.resume_ingest();
}

void IngestDoor::give_up() {
  const auto why = wire::status(Errc::stopping);
  if (stalled_) refuse(why, stalled_->actor);
  stalled_.reset();
  while (const auto message = rest_ ? rest_->reader.next() : std::nullopt) {
    refuse(why, message->substr(0, message->find('\n')));
  }
  rest_.reset();
}

void IngestDoor::close() {
  is_closed_ = true;
  house_.transport.pause_ingest();
}

}  // namespace backstage::gateway
