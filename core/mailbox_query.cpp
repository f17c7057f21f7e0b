// Mailbox's answers to those who look from outside: its books, and where a message waits.
#include <algorithm>

#include "core/mailbox.hpp"

namespace backstage {

// In the order in which they would be taken; in a Seizure. `see` says whether to go on.
template <class See>
void Mailbox::for_each_queued(const See& see) const {
  for (const Mail* mail = first_; mail != nullptr; mail = mail->next) {
    if (!see(*mail)) return;
  }
  std::vector<const Mail*> newest_first;
  const Mail* mail = mail_of(afar_.load(std::memory_order_acquire));
  for (; mail != nullptr; mail = mail->next) newest_first.push_back(mail);
  for (auto at = newest_first.rbegin(); at != newest_first.rend(); ++at) {
    if (!see(**at)) return;
  }
}

bool Mailbox::is_open_for(std::uint32_t generation) const noexcept {
  const std::uint64_t gate = gate_.load(std::memory_order_acquire);
  if ((gate & locked_bit) != 0) return locked_->is_open_for(generation);
  return generation_of(gate) == generation && (gate & open_bit) != 0;
}

Overflow Mailbox::overflow_policy() const {
  return is_locked() ? locked_->overflow_policy() : Overflow::reject;
}

Ledger Mailbox::ledger() const {
  if (is_locked()) return locked_->ledger();
  const std::uint64_t afar = (afar_data_.load(std::memory_order_relaxed) >> messages_shift) +
                             afar_control_.load(std::memory_order_relaxed);
  Ledger ledger;
  ledger.accepted = accepted_.get() + afar;
  ledger.handled = handled_.get();
  ledger.running = running_.get();
  ledger.queued = std::uint64_t{data_count_.get()} + control_count_.get() + afar;
  ledger.queued_bytes = depth().data_bytes;
  if (const Losses* const losses = losses_.load(std::memory_order_acquire); losses != nullptr) {
    ledger.dead_lettered = losses->dead_lettered;
    for (std::size_t i = 0; i < drop_cause_count; ++i) ledger.dropped[i] = losses->dropped[i];
    for (std::size_t i = 0; i < errc_count; ++i) ledger.refused[i] = losses->refused[i];
  }
  return ledger;
}

std::uint64_t Mailbox::queued() const {
  if (is_locked()) return locked_->queued();
  const Depth now = depth();
  return now.data_messages + now.control;
}

Mailbox::Depth Mailbox::depth() const {
  if (is_locked()) return locked_->depth();
  const std::uint64_t afar = afar_data_.load(std::memory_order_relaxed);
  const std::uint64_t gate = gate_.load(std::memory_order_relaxed);
  Depth depth;
  depth.data_messages = data_count_.get() + (afar >> messages_shift);
  depth.data_bytes = data_bytes_.get() + (afar & ((std::uint64_t{1} << messages_shift) - 1));
  depth.control = control_count_.get() + afar_control_.load(std::memory_order_relaxed);
  depth.limits = {messages_max_.get(), bytes_max_.get()};
  if ((gate & stopping_bit) != 0) depth.refuses = Errc::stopping;
  if ((gate & parked_bit) != 0) depth.refuses = Errc::parked;
  return depth;
}

Mailbox::Search Mailbox::find(MessageId id, std::uint64_t looks_max) const {
  if (is_locked()) return locked_->find(id, looks_max);
  Search search;
  Home* const at = home();
  // Most mailboxes are empty, and to shut an owner out is not for nothing.
  if (at == nullptr || queued() == 0) return search;
  const Home::Seizure seizure(*at);
  if (home() != at) {
    // It moved meanwhile: whoever asks does so once more.
    search.is_cut = true;
    return search;
  }
  std::uint64_t ahead = 0;
  for_each_queued([&](const Mail& mail) {
    search.is_cut = search.looked_at == looks_max;
    if (search.is_cut) return false;
    ++search.looked_at;
    if (!is_counted(mail.kind)) return true;
    if (mail.id == id) search.found = Place{mail.kind, ahead};
    ++ahead;
    return !search.found;
  });
  return search;
}

bool Mailbox::is_consistent() const {
  if (is_locked()) return locked_->is_consistent();
  Home* const at = home();
  if (at == nullptr) return first_ == nullptr;
  const Home::Seizure seizure(*at);
  const Depth booked = depth();
  Depth counted;
  for_each_queued([&counted](const Mail& mail) {
    if (is_data(mail.kind)) {
      ++counted.data_messages;
      counted.data_bytes += mail.size;
    } else if (is_counted(mail.kind)) {
      ++counted.control;
    }
    return true;
  });
  const bool is_linked =
      (first_ == nullptr) == (last_ == nullptr) && (last_ == nullptr || last_->next == nullptr);
  return is_linked && counted.data_bytes == booked.data_bytes &&
         counted.data_messages == booked.data_messages && counted.control == booked.control &&
         booked.data_messages <= booked.limits.data_messages_max &&
         booked.data_bytes <= booked.limits.data_bytes_max;
}

}  // namespace backstage
