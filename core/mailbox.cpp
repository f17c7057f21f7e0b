#include "core/mailbox.hpp"

#include <utility>

#include "core/planted.hpp"

namespace backstage {

Errc Mailbox::closed_for(std::uint64_t gate, const Mail& mail, std::uint32_t generation) noexcept {
  if (generation_of(gate) != generation) return Errc::no_actor;
  if ((gate & open_bit) == 0) return Errc::stopping;
  if ((gate & down_bit) != 0 && !mail.is_delivery &&
      static_cast<const Envelope&>(mail).fails_fast) {
    return Errc::actor_failed;
  }
  if (!is_data(mail.kind)) return Errc::no_actor;
  if ((gate & stopping_bit) != 0) return Errc::stopping;
  return (gate & parked_bit) != 0 ? Errc::parked : Errc::no_actor;
}

PushResult Mailbox::push(EnvelopePtr& envelope, std::uint32_t generation, const FateBook& book) {
  envelope->size = static_cast<std::uint32_t>(envelope->payload.size());
  const PushResult result =
      push_mail(*envelope, generation, book, [](Home&) noexcept { return false; });
  if (result.verdict != PushVerdict::refused) (void)envelope.release();
  return result;
}

// Nothing: it may come in after all.
std::optional<PushResult> Mailbox::look_closer(const Mail& mail, std::uint32_t generation) {
  const std::uint64_t gate = gate_.load(std::memory_order_acquire);
  const Errc why = closed_for(gate, mail, generation);
  const bool is_mine = generation_of(gate) == generation && (gate & open_bit) != 0;
  if (is_mine && why == Errc::no_actor) return std::nullopt;
  return push_closed(gate, why, generation);
}

PushResult Mailbox::push_closed(std::uint64_t gate, Errc why, std::uint32_t generation) {
  if (generation_of(gate) == generation && (gate & open_bit) != 0) return refuse(why);
  return {PushVerdict::refused, why, false, false};
}

// Books a place first and looks then: of two senders for the last place, one at least is refused.
bool Mailbox::reserve(const Mail& mail) noexcept {
  if (!is_data(mail.kind)) {
    if (is_counted(mail.kind)) afar_control_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  const std::uint64_t place = (std::uint64_t{1} << messages_shift) + mail.size;
  const std::uint64_t before = afar_data_.fetch_add(place, std::memory_order_relaxed);
  if (has_room(before, mail.size)) return true;
  afar_data_.fetch_sub(place, std::memory_order_relaxed);
  return false;
}

void Mailbox::give_back(const Mail& mail) noexcept {
  if (is_data(mail.kind)) {
    afar_data_.fetch_sub((std::uint64_t{1} << messages_shift) + mail.size,
                         std::memory_order_relaxed);
  } else if (is_counted(mail.kind)) {
    afar_control_.fetch_sub(1, std::memory_order_relaxed);
  }
}

// The caller keeps what it gave as it was only when it is refused.
PushResult Mailbox::push_locked(Mail& mail, std::uint32_t generation, const FateBook& book) {
  const bool is_delivery = mail.is_delivery;
  EnvelopePtr envelope = is_delivery ? static_cast<Delivery&>(mail).alone()
                                     : EnvelopePtr(static_cast<Envelope*>(&mail));
  const PushResult result = locked_->push(envelope, generation, book);
  const bool is_taken = result.verdict != PushVerdict::refused;
  if (!is_delivery && !is_taken) (void)envelope.release();
  if (is_delivery && is_taken) delete static_cast<Delivery*>(&mail);
  return result;
}

PushResult Mailbox::push_from_afar(Mail& mail, std::uint32_t generation, const FateBook& book) {
  for (;;) {
    const std::uint64_t gate = gate_.load(std::memory_order_acquire);
    if ((gate & locked_bit) != 0) return push_locked(mail, generation, book);
    const Errc why = closed_for(gate, mail, generation);
    const bool is_mine = generation_of(gate) == generation && (gate & open_bit) != 0;
    if (!is_mine || why != Errc::no_actor) return push_closed(gate, why, generation);
    if (!reserve(mail)) return refuse(Errc::mailbox_full);
    mail.life = generation;
    std::uint64_t head = afar_.load(std::memory_order_relaxed);
    // A closed list, or one of another life: the gate says so, too, or will in a moment.
    while ((head & life_mask) == life_tag(generation) && (head & closed_tag) == 0) {
      mail.next = mail_of(head);
      const auto address = reinterpret_cast<std::uintptr_t>(&mail);
      const std::uint64_t mine = address | (head & (life_mask | tags_mask));
      // Releases the mail to merge_afar. Sequentially consistent with set_posted: either this sees
      // the mailbox posted, or the first turn sees the mail.
      if (!afar_.compare_exchange_weak(head, mine, std::memory_order_seq_cst)) continue;
      const bool is_posted = (gate_.load(std::memory_order_seq_cst) & posted_bit) != 0;
      if (Home* const here = Home::here(); here != nullptr) here->count_sent_afar();
      return {PushVerdict::accepted, {}, is_posted && (head & noticed_tag) == 0};
    }
    give_back(mail);
  }
}

Mailbox::Next Mailbox::next(Wish wish) {
  const std::uint64_t gate = gate_.load(std::memory_order_acquire);
  if ((gate & locked_bit) != 0) return locked_->next(wish);
  const Home::Guard guard(*home());
  if (wish.settles_before) {
    running_.sub(1);
    handled_.add(1);
  }
  if ((gate_.load(std::memory_order_acquire) & signals_mask) != 0) {
    const auto taken = gate_.fetch_and(~signals_mask, std::memory_order_acq_rel);
    return {static_cast<Signal>((taken & signals_mask) >> signals_shift), nullptr, false, nullptr};
  }
  if (!wish.mail) return {};
  if (first_ == nullptr && has_afar()) merge_afar();
  if (Mail* const mail = take_first(); mail != nullptr) {
    if (mail->is_delivery) {
      return {Signal::none, nullptr, false, DeliveryPtr(static_cast<Delivery*>(mail))};
    }
    return {Signal::none, EnvelopePtr(static_cast<Envelope*>(mail)), false, nullptr};
  }
  if (!wish.sleep) return {};
  is_scheduled_ = false;
  return {Signal::none, nullptr, true, nullptr};
}

// Newest first they came, oldest first they go behind the others.
void Mailbox::merge_afar() noexcept {
  // Acquires what the pushes released.
  take_in(mail_of(afar_.fetch_and(life_mask | tags_mask, std::memory_order_seq_cst)));
}

void Mailbox::take_in(Mail* chain) noexcept {
  const std::uint64_t generation = generation_of(gate_.load(std::memory_order_relaxed));
  Mail* in_order = nullptr;
  while (chain != nullptr) {
    Mail* const next = std::exchange(chain->next, in_order);
    in_order = std::exchange(chain, next);
  }
  while (in_order != nullptr) {
    Mail& mail = *std::exchange(in_order, in_order->next);
    if (!planted(Bug::afar_booked_twice)) give_back(mail);
    if (mail.life == generation) {
      append(mail);
      continue;
    }
    // 65,536 lives passed between two instructions of its sender.
    if (is_counted(mail.kind)) {
      accepted_.add(1);
      count_drop(DropCause::ended);
    }
    destroy(mail);
  }
}

void Mailbox::destroy(Mail& mail) noexcept {
  if (mail.is_delivery) {
    delete static_cast<Delivery*>(&mail);
  } else {
    delete static_cast<Envelope*>(&mail);
  }
}

// Of a delivery, an envelope of its own: for those who keep it.
EnvelopePtr Mailbox::take_alone() {
  Mail* const mail = take_first();
  if (mail == nullptr || !mail->is_delivery) return EnvelopePtr(static_cast<Envelope*>(mail));
  const DeliveryPtr delivery(static_cast<Delivery*>(mail));
  return delivery->alone();
}

bool Mailbox::raise(Signal signal, std::uint32_t generation) {
  std::uint64_t gate = gate_.load(std::memory_order_acquire);
  for (;;) {
    if ((gate & locked_bit) != 0) return locked_->raise(signal, generation);
    if (generation_of(gate) != generation || (gate & open_bit) == 0) return false;
    const auto bits = static_cast<std::uint64_t>(signal) << signals_shift;
    // Sequentially consistent with set_posted, as in push_from_afar.
    if (gate_.compare_exchange_weak(gate, gate | bits, std::memory_order_seq_cst)) {
      return (gate & posted_bit) != 0;
    }
  }
}

// --- Executors

// False: the life is over.
bool Mailbox::set_posted() noexcept {
  std::uint64_t gate = gate_.load(std::memory_order_acquire);
  while ((gate & open_bit) != 0) {
    if ((gate & posted_bit) != 0) return true;
    if (gate_.compare_exchange_weak(gate, gate | posted_bit, std::memory_order_seq_cst)) {
      return true;
    }
  }
  return false;
}

bool Mailbox::notice() noexcept {
  if (is_locked()) {
    // Its posts are exact: whoever takes this one off again runs it.
    (void)gate_.fetch_or(posted_bit, std::memory_order_seq_cst);
  } else if (!set_posted()) {
    return false;
  }
  // Sequentially consistent with `noticed`: what came before it is seen there.
  return (afar_.fetch_or(noticed_tag, std::memory_order_seq_cst) & noticed_tag) == 0;
}

Mailbox::Posted Mailbox::noticed(Home& here) noexcept {
  const std::uint64_t gate = gate_.load(std::memory_order_acquire);
  const bool is_open = (gate & open_bit) != 0;
  if ((gate & locked_bit) != 0) {
    (void)afar_.fetch_and(~noticed_tag, std::memory_order_seq_cst);
    const bool is_posted = (gate_.fetch_and(~posted_bit) & posted_bit) != 0;
    return is_posted ? Posted::runs : Posted::is_known;
  }
  if (is_open && home() != &here) return Posted::elsewhere;
  (void)afar_.fetch_and(~noticed_tag, std::memory_order_seq_cst);
  if (!is_open || planted(Bug::notice_forgotten)) return Posted::is_known;
  const bool has_work = mail_wakes_ || (gate & signals_mask) != 0;
  return has_work ? post_at(here) : Posted::is_known;
}

}  // namespace backstage
