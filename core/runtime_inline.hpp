// Runtime's way of a message: from whoever sends it into the mailbox. Part of runtime.hpp.
#pragma once
#include <new>
#include <utility>

#include "core/cell.hpp"

namespace backstage {

inline PushResult Cell::accept(EnvelopePtr& envelope, ActorId target) {
  const PushResult result = mailbox_.push(envelope, target.generation, {&runtime_.fates, target});
  if (!result.is_counted) (void)runtime_.refuse(result.why);
  return result;
}

inline PushResult Cell::accept(DeliveryPtr& delivery, ActorId target) {
  const PushResult result = mailbox_.push(delivery, target.generation, {&runtime_.fates, target});
  if (!result.is_counted) (void)runtime_.refuse(result.why);
  return result;
}

inline Result<void> Runtime::deliver(ActorId to, EnvelopePtr envelope) {
  Cell* cell = directory.at(to);
  if (cell == nullptr) return refuse(Errc::no_actor);
  if (is_data(envelope->kind) && world.faults.strike(FaultSite::accept)) {
    return refuse(Errc::mailbox_full);
  }
  const PushResult result = cell->accept(envelope, to);
  if (result.verdict == PushVerdict::refused) return Refused(result.why);
  if (result.woke_owner) cell->executor().post(*cell);
  return {};
}

inline EnvelopePtr Runtime::try_make_envelope(Kind kind, const Cell& sender,
                                              Message&& message) noexcept {
  if (world.faults.strike(FaultSite::allocate)) return nullptr;
  try {
    return EnvelopePtr(
        new Envelope(kind, next_message(), sender.id(), sender.name(), std::move(message)));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace backstage
