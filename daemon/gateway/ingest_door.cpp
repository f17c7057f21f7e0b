#include "daemon/gateway/ingest_door.hpp"

#include <algorithm>
#include <variant>

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
  const auto parts = wire::split(message.frames());
  if (!parts) return refuse(parts.error().status, {});
  const auto command = wire::decode(parts->control);
  if (!command) return refuse(command.error().status, parts->control);
  const auto* send = std::get_if<wire::Send>(&*command);
  const auto* publish = std::get_if<wire::Publish>(&*command);
  if (send == nullptr && publish == nullptr) {
    return refuse(wire::status(wire::WireErrc::not_here), parts->control);
  }
  if (parts->payload.size() > house_.options.limits.payload_bytes_max) {
    return refuse(wire::status(Errc::too_large), parts->control);
  }
  // Held until the command is done: the control line may lie in the same frame.
  Payload payload;
  if (!parts->payload.empty()) {
    payload = message.take(parts->payload_frame, parts->payload_offset);
  }
  if (send != nullptr) return on_send(*send, payload, parts->control);
  on_publish(*publish, payload, parts->control);
}

void IngestDoor::on_send(const wire::Send& send, Payload payload, std::string_view control) {
  if (!send.from.empty() && !may_speak_as(send.from)) {
    return refuse(wire::status(wire::WireErrc::forbidden), control);
  }
  const std::string_view from = send.from.empty() ? nameless : send.from;
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
                            std::string_view control) {
  const std::string_view name = publish.actor.empty() ? publish.from : publish.actor;
  const bool agree = publish.from.empty() || publish.from == name;
  if (name.empty() || !agree) return refuse(wire::status(Errc::bad_arg), control);
  if (is_reserved(name)) return refuse(wire::status(Errc::reserved_name), control);
  if (!may_speak_as(name)) return refuse(wire::status(wire::WireErrc::forbidden), control);
  const auto address = Address::join(name, publish.topic);
  if (!address) return refuse(wire::status(address.error()), control);
  const auto published =
      house_.engine.publish(*address, {publish.type, payload}, name, {.retain = publish.retain});
  if (!published) refuse(wire::status(published.error()), control);
}

// A name that an actor or a session holds is theirs alone.
bool IngestDoor::may_speak_as(std::string_view name) const {
  return !is_reserved(name) && !house_.engine.find(name);
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
  house_.events.ingest_resumed();
  if (!is_closed_) house_.transport.resume_ingest();
}

void IngestDoor::close() {
  is_closed_ = true;
  house_.transport.pause_ingest();
}

}  // namespace backstage::gateway
