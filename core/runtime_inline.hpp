// Runtime's way of a message: from whoever sends it into the mailbox. Part of runtime.hpp.
#pragma once
#include <new>
#include <utility>

#include "core/cell.hpp"
#include "core/run_queue.hpp"

namespace backstage {

inline PushResult Cell::accept_mail(Mail& mail, ActorId target) {
  const PushResult result =
      mailbox_.push_mail(mail, target.generation, {&runtime_.fates, target},
                         [this](Home& home) noexcept { return home.take_up(*this); });
  if (!result.is_counted) [[unlikely]]
    (void)runtime_.refuse(result.why);
  return result;
}

inline Mailbox::Taken Cell::accept_data(Home& here, Mail& mail, ActorId target) {
  return mailbox_.push_data(here, mail, target.generation,
                            [this](Home& home) noexcept { return home.take_up(*this); });
}

inline PushResult Cell::accept(EnvelopePtr& envelope, ActorId target) {
  envelope->size = static_cast<std::uint32_t>(envelope->payload.size());
  const PushResult result = accept_mail(*envelope, target);
  if (result.verdict != PushVerdict::refused) (void)envelope.release();
  return result;
}

inline PushResult Cell::accept(DeliveryPtr& delivery, ActorId target) {
  delivery->size = delivery->broadcast->said.size;
  const PushResult result = accept_mail(*delivery, target);
  if (result.verdict != PushVerdict::refused) (void)delivery.release();
  return result;
}

inline Result<void> Runtime::deliver_data(ActorId to, EnvelopePtr envelope) {
  Home* const here = Home::here();
  Cell* const cell = directory.at(to);
  if (here == nullptr || cell == nullptr) [[unlikely]]
    return deliver(to, std::move(envelope));
  if (world.faults.strike(FaultSite::accept)) return refuse(Errc::mailbox_full);
  envelope->size = static_cast<std::uint32_t>(envelope->payload.size());
  const auto taken = cell->accept_data(*here, *envelope, to);
  if (taken == Mailbox::Taken::no) [[unlikely]]
    return hand_over(*cell, to, std::move(envelope));
  (void)envelope.release();
  if (taken == Mailbox::Taken::woke) [[unlikely]]
    cell->executor().post(*cell);
  return {};
}

template <class... Content>
inline EnvelopePtr Runtime::try_make_envelope(Kind kind, const Cell& sender,
                                              Content&&... content) noexcept {
  if (world.faults.strike(FaultSite::allocate)) return nullptr;
  try {
    return EnvelopePtr(new Envelope(kind, next_message(), sender.id(), sender.name(),
                                    std::forward<Content>(content)...));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace backstage
