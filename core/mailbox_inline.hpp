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

template <class TakeUp>
inline PushResult Mailbox::push_mail(Mail& mail, std::uint32_t generation, const FateBook& book,
                                     const TakeUp& take_up) {
  if (Home* const here = Home::here(); here != nullptr && home() == here) [[likely]] {
    const Home::Guard guard(*here);
    // It may have been taken away while this thread was shut out.
    if (home() == here) [[likely]]
      return push_here(*here, mail, generation, take_up);
  }
  return push_from_afar(mail, generation, book);
}

template <class TakeUp>
inline PushResult Mailbox::push_here(Home& here, Mail& mail, std::uint32_t generation,
                                     const TakeUp& take_up) {
  const std::uint64_t gate = gate_.load(std::memory_order_acquire);
  if ((gate & ~signals_mask) != welcome(generation)) [[unlikely]] {
    if (auto refused = look_closer(mail, generation)) return *refused;
  }
  const bool is_plain = is_data(mail.kind);
  if (is_plain && !has_room(afar_data_.load(std::memory_order_relaxed), mail.size)) [[unlikely]] {
    return refuse(Errc::mailbox_full);
  }
  if (has_afar() && !planted(Bug::afar_overtaken)) [[unlikely]]
    merge_afar();
  mail.life = generation;
  append(mail);
  if (is_scheduled_) return {};
  const bool wakes = mail_wakes_ || (gate & signals_mask) != 0;
  if (!wakes || (gate & posted_bit) == 0) [[unlikely]]
    return {};
  is_scheduled_ = take_up(here);
  return {PushVerdict::accepted, {}, !is_scheduled_};
}

template <class TakeUp>
inline Mailbox::Taken Mailbox::push_data(Home& here, Mail& mail, std::uint32_t generation,
                                         const TakeUp& take_up) {
  if (home() != &here) return Taken::no;
  const Home::Guard guard(here);
  // It may have been taken away while this thread was shut out.
  const bool is_plain =
      home() == &here &&
      (gate_.load(std::memory_order_acquire) & ~signals_mask) == welcome(generation) &&
      has_room(afar_data_.load(std::memory_order_relaxed), mail.size) && !has_afar() && mail_wakes_;
  if (!is_plain) [[unlikely]]
    return Taken::no;
  mail.life = generation;
  link(mail);
  count_data(mail);
  if (is_scheduled_) return Taken::in;
  is_scheduled_ = take_up(here);
  return is_scheduled_ ? Taken::in : Taken::woke;
}

inline bool Mailbox::has_room(std::uint64_t afar_data, std::size_t size) const noexcept {
  constexpr std::uint64_t bytes_mask = (std::uint64_t{1} << messages_shift) - 1;
  return data_count_.get() + (afar_data >> messages_shift) < messages_max_.get() &&
         data_bytes_.get() + (afar_data & bytes_mask) + size <= bytes_max_.get();
}

inline void Mailbox::append(Mail& mail) noexcept {
  link(mail);
  if (is_data(mail.kind)) return count_data(mail);
  if (!is_counted(mail.kind)) return;
  control_count_.add(1);
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

inline Mailbox::Easy Mailbox::take(bool settles_before) {
  // A signal that comes after this look has its cell posted, asleep or not.
  const std::uint64_t gate = gate_.load(std::memory_order_acquire);
  if ((gate & (locked_bit | signals_mask)) != 0) [[unlikely]]
    return {};
  const Home::Guard guard(*home());
  if (settles_before) {
    running_.sub(1);
    handled_.add(1);
  }
  if (first_ == nullptr && has_afar()) [[unlikely]]
    merge_afar();
  Mail* const mail = take_first();
  if (mail == nullptr) is_scheduled_ = false;
  return {mail, mail == nullptr};
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
