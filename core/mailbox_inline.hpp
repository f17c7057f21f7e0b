// Mailbox's way of a message: what every send and every turn does. Part of mailbox.hpp.
#pragma once
#include <cstdint>
#include <utility>

#include "core/planted.hpp"

namespace backstage {

inline Mail* Mailbox::mail_of(std::uint64_t afar) noexcept {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): what push_from_afar made of it
  return reinterpret_cast<Mail*>(afar & ~(life_mask | tags_mask));
}

inline PushResult Mailbox::push(EnvelopePtr& envelope, std::uint32_t generation,
                                const FateBook& book) {
  envelope->size = static_cast<std::uint32_t>(envelope->payload.size());
  const PushResult result = push_mail(*envelope, generation, book);
  if (result.verdict != PushVerdict::refused) (void)envelope.release();
  return result;
}

inline PushResult Mailbox::push(DeliveryPtr& delivery, std::uint32_t generation,
                                const FateBook& book) {
  delivery->size = delivery->broadcast->said.size;
  const PushResult result = push_mail(*delivery, generation, book);
  if (result.verdict != PushVerdict::refused) (void)delivery.release();
  return result;
}

inline PushResult Mailbox::push_mail(Mail& mail, std::uint32_t generation, const FateBook& book) {
  if (Home* const here = Home::here(); here != nullptr && home() == here) {
    const Home::Guard guard(*here);
    // It may have been taken away while this thread was shut out.
    if (home() == here) return push_here(mail, generation);
  }
  return push_from_afar(mail, generation, book);
}

inline PushResult Mailbox::push_here(Mail& mail, std::uint32_t generation) {
  const std::uint64_t gate = gate_.load(std::memory_order_acquire);
  if ((gate & ~signals_mask) != welcome(generation)) [[unlikely]] {
    const Errc why = closed_for(gate, mail, generation);
    const bool is_mine = generation_of(gate) == generation && (gate & open_bit) != 0;
    if (!is_mine || why != Errc::no_actor) return push_closed(gate, why, generation);
  }
  if (is_data(mail.kind) && !has_room(afar_data_.load(std::memory_order_relaxed), mail.size)) {
    return refuse(Errc::mailbox_full);
  }
  if (has_afar() && !planted(Bug::afar_overtaken)) [[unlikely]]
    merge_afar();
  mail.life = generation;
  append(mail);
  const bool wakes = mail_wakes_ || (gate & signals_mask) != 0;
  return {PushVerdict::accepted, {}, !is_scheduled_ && wakes && (gate & posted_bit) != 0};
}

inline bool Mailbox::has_room(std::uint64_t afar_data, std::size_t size) const noexcept {
  constexpr std::uint64_t bytes_mask = (std::uint64_t{1} << messages_shift) - 1;
  return data_count_.get() + (afar_data >> messages_shift) < messages_max_.get() &&
         data_bytes_.get() + (afar_data & bytes_mask) + size <= bytes_max_.get();
}

inline void Mailbox::append(Mail& mail) noexcept {
  mail.next = nullptr;
  (last_ == nullptr ? first_ : last_->next) = &mail;
  last_ = &mail;
  if (is_data(mail.kind)) {
    data_count_.add(1);
    data_bytes_.add(mail.size);
  } else if (is_counted(mail.kind)) {
    control_count_.add(1);
  } else {
    return;
  }
  accepted_.add(1);
}

inline Mail* Mailbox::take_first() noexcept {
  Mail* const mail = first_;
  if (mail == nullptr) return nullptr;
  first_ = mail->next;
  if (first_ == nullptr) {
    last_ = nullptr;
  } else {
    __builtin_prefetch(first_);
  }
  count_taken(*mail);
  return mail;
}

inline void Mailbox::count_taken(const Mail& mail) noexcept {
  if (is_data(mail.kind)) {
    data_count_.sub(1);
    data_bytes_.sub(mail.size);
  } else if (is_counted(mail.kind)) {
    control_count_.sub(1);
  } else {
    return;
  }
  running_.add(1);
}

inline Mailbox::Next Mailbox::next(Wish wish) {
  const std::uint64_t gate = gate_.load(std::memory_order_acquire);
  if ((gate & locked_bit) != 0) return locked_->next(wish);
  const Home::Guard guard(*home());
  if (wish.settles_before) {
    running_.sub(1);
    handled_.add(1);
  }
  if ((gate_.load(std::memory_order_acquire) & signals_mask) != 0) [[unlikely]] {
    const auto taken = gate_.fetch_and(~signals_mask, std::memory_order_acq_rel);
    return {static_cast<Signal>((taken & signals_mask) >> signals_shift), nullptr, false, nullptr};
  }
  if (!wish.mail) return {};
  if (first_ == nullptr && has_afar()) merge_afar();
  if (Mail* const mail = take_first(); mail != nullptr) [[likely]] {
    if (mail->is_delivery) {
      return {Signal::none, nullptr, false, DeliveryPtr(static_cast<Delivery*>(mail))};
    }
    return {Signal::none, EnvelopePtr(static_cast<Envelope*>(mail)), false, nullptr};
  }
  if (!wish.sleep) return {};
  is_scheduled_ = false;
  return {Signal::none, nullptr, true, nullptr};
}

inline Mailbox::Posted Mailbox::post_at(Home& here) noexcept {
  // In this order: of an open mailbox, the home read after it is that life's.
  const bool is_posted =
      (gate_.load(std::memory_order_acquire) & (open_bit | posted_bit)) == (open_bit | posted_bit);
  if (!is_posted && !set_posted()) return Posted::is_known;
  if (home() != &here) return Posted::elsewhere;
  return std::exchange(is_scheduled_, true) ? Posted::is_known : Posted::runs;
}

}  // namespace backstage
