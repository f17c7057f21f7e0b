#include "core/locked_mailbox.hpp"

#include <mutex>
#include <utility>

#include "core/locked_notes.hpp"
#include "core/planted.hpp"

namespace backstage {
void LockedMailbox::List::push_back(Envelope* envelope) noexcept { insert_after(tail, envelope); }

void LockedMailbox::List::insert_after(Envelope* before, Envelope* envelope) noexcept {
  envelope->prev = before;
  envelope->after = before == nullptr ? head : before->after;
  (before == nullptr ? head : before->after) = envelope;
  (envelope->after == nullptr ? tail : envelope->after->prev) = envelope;
}

void LockedMailbox::List::remove(Envelope* envelope) noexcept {
  (envelope->prev == nullptr ? head : envelope->prev->after) = envelope->after;
  (envelope->after == nullptr ? tail : envelope->after->prev) = envelope->prev;
  envelope->prev = envelope->after = nullptr;
}

LockedMailbox::LockedMailbox() = default;
LockedMailbox::~LockedMailbox() { (void)take_lists(); }

void LockedMailbox::open(std::uint32_t generation, const Options& options) {
  const std::lock_guard lock(lock_);
  generation_ = generation;
  options_ = options;
  signals_ = Signal::none;
  awake_ = true;
  mail_wakes_ = true;
  is_open_ = true;
  // Release: who sees the life open sees what it begins with.
  open_for_.store(generation, std::memory_order_release);
  refusal_ = Errc::no_actor;
  is_down_ = false;
  arrivals_ = accepted_ = handled_ = 0;
  running_ = 0;
  notes_.reset();
  losses_.reset();
}

Errc LockedMailbox::closed_for(const Envelope& envelope, std::uint32_t generation) const noexcept {
  if (generation != generation_) return Errc::no_actor;
  if (!is_open_) return Errc::stopping;
  if (is_down_ && envelope.fails_fast) return Errc::actor_failed;
  return is_data(envelope.kind) ? refusal_ : Errc::no_actor;
}

PushResult LockedMailbox::refuse(Errc why) {
  ++losses().refused[static_cast<std::size_t>(why)];
  return {PushVerdict::refused, why, false};
}

PushResult LockedMailbox::push(EnvelopePtr& envelope, std::uint32_t generation,
                               const FateBook& book) {
  const std::lock_guard lock(lock_);
  const bool is_mine = generation == generation_ && is_open_;
  if (const Errc why = closed_for(*envelope, generation); !is_mine || why != Errc::no_actor) {
    if (is_mine) return refuse(why);
    return {PushVerdict::refused, why, false, false};
  }
  if (is_data(envelope->kind)) {
    if (envelope->topic == nullptr) {
      // Direct mail: the mailbox's own policy. There is nothing it could be conflated with.
      const bool is_conflating = options_.overflow == Overflow::conflate;
      envelope->overflow = is_conflating ? Overflow::reject : options_.overflow;
    }
    if (envelope->overflow == Overflow::conflate && envelope->topic != nullptr)
      conflate(*envelope, book);
    if (!has_room(*envelope) && !evict_oldest_for(*envelope, book)) return overflow(envelope, book);
  }
  append(std::move(envelope));
  return {PushVerdict::accepted, {}, wake()};
}

bool LockedMailbox::begin_hearing(std::uint32_t generation) {
  const std::lock_guard lock(lock_);
  const bool is_mine = generation == generation_ && is_open_;
  const bool is_welcome = refusal_ == Errc::no_actor && !is_down_ && signals_ == Signal::none;
  if (!is_mine || !is_welcome || running_ != 0) return false;
  if (control_.head != nullptr || data_.head != nullptr) return false;
  ++accepted_;
  ++handled_;
  return true;
}

void LockedMailbox::take_back_hearing() {
  const std::lock_guard lock(lock_);
  --accepted_;
  --handled_;
}

bool LockedMailbox::has_room(const Envelope& envelope) const noexcept {
  return data_count_ < options_.limits.data_messages_max &&
         data_bytes_ + envelope.payload.size() <= options_.limits.data_bytes_max;
}

void LockedMailbox::append(EnvelopePtr envelope) {
  Envelope* raw = envelope.release();
  raw->arrival = ++arrivals_;
  if (is_counted(raw->kind)) ++accepted_;
  if (!is_data(raw->kind)) {
    control_.push_back(raw);
    if (is_counted(raw->kind)) ++control_count_;
    return;
  }
  data_.push_back(raw);
  if (notes_ != nullptr) notes_->on_appended(raw);
  ++data_count_;
  data_bytes_ += raw->payload.size();
  tell_tally();
  if (raw->overflow == Overflow::conflate && raw->topic != nullptr) {
    notes().newest[key_of(*raw)] = raw;
  }
}

bool LockedMailbox::wake() noexcept {
  if (awake_ || (!mail_wakes_ && signals_ == Signal::none)) return false;
  awake_ = true;
  return true;
}

bool LockedMailbox::raise(Signal signal, std::uint32_t generation) {
  const std::lock_guard lock(lock_);
  if (generation != generation_ || !is_open_) return false;
  signals_ = signals_ | signal;
  return wake();
}

LockedMailbox::Next LockedMailbox::next(Wish wish) {
  const std::lock_guard lock(lock_);
  if (wish.settles_before) {
    --running_;
    ++handled_;
  }
  if (signals_ != Signal::none) return {std::exchange(signals_, Signal::none), nullptr};
  if (!wish.mail) return {};
  auto first = take_first();
  if (first != nullptr || !wish.sleep) return {Signal::none, std::move(first)};
  awake_ = false;
  return {Signal::none, nullptr, true};
}

EnvelopePtr LockedMailbox::take_first() {
  Envelope* control = control_.head;
  Envelope* data = first_data();
  if (control == nullptr && data == nullptr) return nullptr;
  const bool takes_data =
      control == nullptr || (data != nullptr && data->arrival < control->arrival);
  if (takes_data) {
    (void)unlink_data(data);
    if (is_counted(data->kind)) ++running_;
    return EnvelopePtr(data);
  }
  control_.remove(control);
  if (is_counted(control->kind)) {
    --control_count_;
    ++running_;
  }
  return EnvelopePtr(control);
}

void LockedMailbox::set_mail_wakes(bool mail_wakes) {
  const std::lock_guard lock(lock_);
  mail_wakes_ = mail_wakes;
}

void LockedMailbox::refuse_data(Errc why) {
  const std::lock_guard lock(lock_);
  refusal_ = why;
}

void LockedMailbox::welcome_data() {
  const std::lock_guard lock(lock_);
  if (!planted(Bug::unpark_stays_shut)) refusal_ = Errc::no_actor;
}

void LockedMailbox::unpark() {
  const std::lock_guard lock(lock_);
  if (refusal_ == Errc::parked && !planted(Bug::unpark_stays_shut)) refusal_ = Errc::no_actor;
}

std::vector<EnvelopePtr> LockedMailbox::go_down() {
  const std::lock_guard lock(lock_);
  mail_wakes_ = false;
  is_down_ = true;
  return take_requests_if(true);
}

void LockedMailbox::come_up() {
  const std::lock_guard lock(lock_);
  mail_wakes_ = true;
  is_down_ = false;
}

std::vector<EnvelopePtr> LockedMailbox::take_requests() {
  const std::lock_guard lock(lock_);
  return take_requests_if(false);
}

std::vector<EnvelopePtr> LockedMailbox::take_requests_if(bool must_fail_fast) {
  std::vector<EnvelopePtr> taken;
  for (Envelope* at = data_.head; at != nullptr;) {
    Envelope* next = at->after;
    if (at->kind == Kind::request && (!must_fail_fast || at->fails_fast)) {
      (void)unlink_data(at);
      ++running_;
      taken.emplace_back(at);
    }
    at = next;
  }
  return taken;
}

bool LockedMailbox::try_sleep() {
  const std::lock_guard lock(lock_);
  const bool has_mail = control_.head != nullptr || first_data() != nullptr;
  if (signals_ != Signal::none || (mail_wakes_ && has_mail)) return false;
  awake_ = false;
  return true;
}

bool LockedMailbox::close_if_empty() {
  const std::lock_guard lock(lock_);
  if (control_.head != nullptr || data_.head != nullptr) return false;
  shut();
  return true;
}

std::vector<EnvelopePtr> LockedMailbox::close() {
  const std::lock_guard lock(lock_);
  shut();
  return take_lists();
}

std::vector<EnvelopePtr> LockedMailbox::close_life(std::uint32_t generation) {
  const std::lock_guard lock(lock_);
  if (generation != generation_ || !is_open_) return {};
  shut();
  return take_lists();
}

void LockedMailbox::shut() noexcept {
  is_open_ = false;
  open_for_.store(0, std::memory_order_release);
}

void LockedMailbox::retire() {
  const std::lock_guard lock(lock_);
  generation_ = 0;
}

std::vector<EnvelopePtr> LockedMailbox::take_lists() {
  std::vector<EnvelopePtr> all;
  if (notes_ != nullptr) notes_->held.clear();
  while (EnvelopePtr first = take_first()) all.push_back(std::move(first));
  return all;
}

void LockedMailbox::settle_handled() noexcept {
  const std::lock_guard lock(lock_);
  --running_;
  ++handled_;
}

void LockedMailbox::settle_dropped(DropCause cause) noexcept {
  const std::lock_guard lock(lock_);
  --running_;
  drop(cause);
}

void LockedMailbox::settle_dead_lettered() noexcept {
  const std::lock_guard lock(lock_);
  --running_;
  ++losses().dead_lettered;
}

bool LockedMailbox::is_open_for(std::uint32_t generation) const {
  return generation != 0 && open_for_.load(std::memory_order_acquire) == generation;
}

Overflow LockedMailbox::overflow_policy() const {
  const std::lock_guard lock(lock_);
  return options_.overflow;
}

Ledger LockedMailbox::ledger() const {
  const std::lock_guard lock(lock_);
  Ledger ledger;
  ledger.accepted = accepted_;
  ledger.handled = handled_;
  ledger.running = running_;
  ledger.queued = std::uint64_t{data_count_} + control_count_;
  ledger.queued_bytes = data_bytes_;
  if (losses_ != nullptr) {
    ledger.dead_lettered = losses_->dead_lettered;
    ledger.dropped = losses_->dropped;
    ledger.refused = losses_->refused;
  }
  return ledger;
}

std::uint64_t LockedMailbox::queued() const {
  const std::lock_guard lock(lock_);
  return std::uint64_t{data_count_} + control_count_;
}

bool LockedMailbox::is_consistent() const {
  const std::lock_guard lock(lock_);
  std::uint64_t bytes = 0;
  std::uint32_t data = 0;
  std::uint32_t control = 0;
  bool is_ordered = true;
  for (const Envelope* at = data_.head; at != nullptr; at = at->after) {
    data += is_data(at->kind) ? 1 : 0;
    bytes += is_data(at->kind) ? at->payload.size() : 0;
    is_ordered = is_ordered && (at->after == nullptr || at->after->arrival > at->arrival);
  }
  for (const Envelope* at = control_.head; at != nullptr; at = at->after) {
    if (is_counted(at->kind)) ++control;
    is_ordered = is_ordered && (at->after == nullptr || at->after->arrival >= at->arrival);
  }
  return is_ordered && bytes == data_bytes_ && data == data_count_ && control == control_count_ &&
         data <= options_.limits.data_messages_max && bytes <= options_.limits.data_bytes_max;
}

}  // namespace backstage
