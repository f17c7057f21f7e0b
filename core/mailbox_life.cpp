// Mailbox's life: how it opens, what it refuses, how it closes.
#include <utility>

#include "core/mailbox.hpp"
#include "core/planted.hpp"

namespace backstage {

bool is_valid(const MailboxOptions& options) noexcept {
  return options.limits.data_messages_max > 0 && options.limits.data_bytes_max > 0 &&
         options.overflow < Overflow::kick;
}

Mailbox::~Mailbox() {
  for (Mail* list : {first_, mail_of(afar_.load(std::memory_order_acquire))}) {
    while (list != nullptr) destroy(*std::exchange(list, list->next));
  }
  delete losses_.load(std::memory_order_acquire);
}

void Mailbox::open(std::uint32_t generation, const Options& options, Home* home) {
  const bool is_list_enough = options.overflow == Overflow::reject && !options.notes_losses;
  const std::uint64_t life = std::uint64_t{generation} << generation_shift;
  if (home == nullptr || !is_list_enough) {
    if (locked_ == nullptr) locked_ = std::make_unique<LockedMailbox>();
    locked_->open(generation, options);
    home_.store(nullptr, std::memory_order_relaxed);
    gate_.store(life | open_bit | locked_bit, std::memory_order_release);
    return;
  }
  is_scheduled_ = false;
  mail_wakes_ = true;
  running_.set(0);
  accepted_.set(0);
  handled_.set(0);
  messages_max_.set(options.limits.data_messages_max);
  bytes_max_.set(options.limits.data_bytes_max);
  if (Losses* const old = losses_.load(std::memory_order_acquire); old != nullptr) {
    old->dead_lettered = 0;
    for (auto& count : old->dropped) count = 0;
    for (auto& count : old->refused) count = 0;
  }
  home_.store(home, std::memory_order_relaxed);
  // Its slot may still be told to its former home: that tag stays until it has been.
  std::uint64_t afar = afar_.load(std::memory_order_relaxed);
  while (!afar_.compare_exchange_weak(afar, life_tag(generation) | (afar & noticed_tag),
                                      std::memory_order_seq_cst)) {
  }
  // Releases all of the above: who sees the gate open sees the rest.
  gate_.store(life | open_bit, std::memory_order_release);
}

void Mailbox::set_gate(std::uint64_t clear, std::uint64_t set) noexcept {
  std::uint64_t gate = gate_.load(std::memory_order_relaxed);
  while (!gate_.compare_exchange_weak(gate, (gate & ~clear) | set, std::memory_order_acq_rel)) {
  }
}

void Mailbox::set_mail_wakes(bool mail_wakes) {
  if (is_locked()) return locked_->set_mail_wakes(mail_wakes);
  const Home::Guard guard(*home());
  mail_wakes_ = mail_wakes;
}

void Mailbox::refuse_data(Errc why) {
  if (is_locked()) return locked_->refuse_data(why);
  set_gate(stopping_bit | parked_bit, why == Errc::parked ? parked_bit : stopping_bit);
}

void Mailbox::welcome_data() {
  if (is_locked()) return locked_->welcome_data();
  if (!planted(Bug::unpark_stays_shut)) set_gate(stopping_bit | parked_bit, 0);
}

void Mailbox::unpark() {
  if (is_locked()) return locked_->unpark();
  if (!planted(Bug::unpark_stays_shut)) set_gate(parked_bit, 0);
}

std::vector<EnvelopePtr> Mailbox::go_down() {
  if (is_locked()) return locked_->go_down();
  const Home::Guard guard(*home());
  mail_wakes_ = false;
  set_gate(0, down_bit);
  return take_requests_if(true);
}

void Mailbox::come_up() {
  if (is_locked()) return locked_->come_up();
  const Home::Guard guard(*home());
  mail_wakes_ = true;
  set_gate(down_bit, 0);
}

std::vector<EnvelopePtr> Mailbox::take_requests() {
  if (is_locked()) return locked_->take_requests();
  const Home::Guard guard(*home());
  return take_requests_if(false);
}

std::vector<EnvelopePtr> Mailbox::take_requests_if(bool must_fail_fast) {
  merge_afar();
  std::vector<EnvelopePtr> taken;
  Mail* before = nullptr;
  for (Mail* at = first_; at != nullptr;) {
    Mail* const next = at->next;
    auto* const envelope = at->kind == Kind::request ? static_cast<Envelope*>(at) : nullptr;
    if (envelope != nullptr && (!must_fail_fast || envelope->fails_fast)) {
      (before == nullptr ? first_ : before->next) = next;
      if (next == nullptr) last_ = before;
      count_taken(*at);
      taken.emplace_back(envelope);
    } else {
      before = at;
    }
    at = next;
  }
  return taken;
}

void Mailbox::hold(SubscriptionId subscription) {
  if (is_locked()) locked_->hold(subscription);
}

void Mailbox::release(SubscriptionId subscription) {
  if (is_locked()) locked_->release(subscription);
}

void Mailbox::lose_all_of(SubscriptionId subscription, const FateBook& book) {
  if (is_locked()) locked_->lose_all_of(subscription, book);
}

bool Mailbox::try_sleep() {
  if (is_locked()) return locked_->try_sleep();
  const Home::Guard guard(*home());
  const bool is_signalled = (gate_.load(std::memory_order_acquire) & signals_mask) != 0;
  if (is_signalled || (mail_wakes_ && has_mail())) return false;
  is_scheduled_ = false;
  return true;
}

bool Mailbox::close_if_empty() {
  if (is_locked()) return locked_->close_if_empty();
  const Home::Guard guard(*home());
  if (first_ != nullptr) return false;
  // First the list, then the gate: who finds the one shut and the other open looks again.
  std::uint64_t afar = afar_.load(std::memory_order_relaxed);
  do {
    if (mail_of(afar) != nullptr) return false;
  } while (!afar_.compare_exchange_weak(afar, afar | closed_tag, std::memory_order_acq_rel));
  set_gate(open_bit, 0);
  return true;
}

std::vector<EnvelopePtr> Mailbox::close() {
  if (is_locked()) return locked_->close();
  const Home::Guard guard(*home());
  return close_here();
}

std::vector<EnvelopePtr> Mailbox::close_here() {
  set_gate(open_bit, 0);
  std::uint64_t afar = afar_.load(std::memory_order_relaxed);
  while (!afar_.compare_exchange_weak(afar, (afar & (life_mask | tags_mask)) | closed_tag,
                                      std::memory_order_acq_rel)) {
  }
  take_in(mail_of(afar));
  std::vector<EnvelopePtr> all;
  while (EnvelopePtr first = take_alone()) all.push_back(std::move(first));
  return all;
}

std::vector<EnvelopePtr> Mailbox::close_life(std::uint32_t generation) {
  if (is_locked()) return locked_->close_life(generation);
  while (is_open_for(generation)) {
    Home* const at = home();
    const Home::Seizure seizure(*at);
    if (home() == at && is_open_for(generation)) return close_here();
  }
  return {};
}

void Mailbox::retire() {
  if (is_locked()) return locked_->retire();
  set_gate(~std::uint64_t{0}, 0);
}

PushResult Mailbox::refuse(Errc why) {
  losses().refused[static_cast<std::size_t>(why)].fetch_add(1, std::memory_order_relaxed);
  return {PushVerdict::refused, why, false};
}

void Mailbox::settle_handled() noexcept {
  if (is_locked()) return locked_->settle_handled();
  running_.sub(1);
  handled_.add(1);
}

void Mailbox::settle_dropped(DropCause cause) noexcept {
  if (is_locked()) return locked_->settle_dropped(cause);
  running_.sub(1);
  count_drop(cause);
}

void Mailbox::count_drop(DropCause cause) noexcept {
  losses().dropped[static_cast<std::size_t>(cause)].fetch_add(1, std::memory_order_relaxed);
}

void Mailbox::settle_dead_lettered() noexcept {
  if (is_locked()) return locked_->settle_dead_lettered();
  running_.sub(1);
  losses().dead_lettered.fetch_add(1, std::memory_order_relaxed);
}

Mailbox::Losses& Mailbox::losses() {
  Losses* known = losses_.load(std::memory_order_acquire);
  if (known != nullptr) return *known;
  auto made = std::make_unique<Losses>();
  // Whoever is second uses the first one's.
  if (losses_.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel)) {
    return *made.release();
  }
  return *known;
}

}  // namespace backstage
