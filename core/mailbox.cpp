#include "core/mailbox.hpp"

#include <utility>

#include "core/mailbox_notes.hpp"
#include "core/planted.hpp"

namespace backstage {
void Mailbox::List::push_back(Envelope* envelope) noexcept { insert_after(tail, envelope); }

void Mailbox::List::insert_after(Envelope* before, Envelope* envelope) noexcept {
  envelope->prev = before;
  envelope->next = before == nullptr ? head : before->next;
  (before == nullptr ? head : before->next) = envelope;
  (envelope->next == nullptr ? tail : envelope->next->prev) = envelope;
}

void Mailbox::List::remove(Envelope* envelope) noexcept {
  (envelope->prev == nullptr ? head : envelope->prev->next) = envelope->next;
  (envelope->next == nullptr ? tail : envelope->next->prev) = envelope->prev;
  envelope->prev = envelope->next = nullptr;
}

bool is_valid(const Mailbox::Options& options) noexcept {
  return options.limits.data_messages_max > 0 && options.limits.data_bytes_max > 0 &&
         options.overflow < Overflow::kick;
}

Mailbox::Mailbox() = default;
Mailbox::~Mailbox() { (void)take_lists(); }

void Mailbox::open(std::uint32_t generation, const Options& options) {
  const std::lock_guard lock(mutex_);
  generation_ = generation;
  options_ = options;
  signals_ = Signal::none;
  awake_ = true;
  mail_wakes_ = true;
  is_open_ = true;
  refusal_ = Errc::no_actor;
  is_down_ = false;
  arrivals_ = accepted_ = handled_ = 0;
  running_ = 0;
  notes_.reset();
  losses_.reset();
}

Errc Mailbox::closed_for(const Envelope& envelope, std::uint32_t generation) const noexcept {
  if (generation != generation_) return Errc::no_actor;
  if (!is_open_) return Errc::stopping;
  if (is_down_ && envelope.fails_fast) return Errc::actor_failed;
  return is_data(envelope.kind) ? refusal_ : Errc::no_actor;
}

PushResult Mailbox::refuse(Errc why) {
  ++losses().refused[static_cast<std::size_t>(why)];
  return {PushVerdict::refused, why, false};
}

PushResult Mailbox::push(EnvelopePtr& envelope, std::uint32_t generation, const FateBook& book) {
  const std::lock_guard lock(mutex_);
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

bool Mailbox::has_room(const Envelope& envelope) const noexcept {
  return data_count_ < options_.limits.data_messages_max &&
         data_bytes_ + envelope.payload.size() <= options_.limits.data_bytes_max;
}

void Mailbox::append(EnvelopePtr envelope) {
  Envelope* raw = envelope.release();
  raw->arrival = ++arrivals_;
  if (is_counted(raw->kind)) ++accepted_;
  if (!is_data(raw->kind)) {
    control_.push_back(raw);
    if (is_counted(raw->kind)) ++control_count_;
    return;
  }
  data_.push_back(raw);
  ++data_count_;
  data_bytes_ += raw->payload.size();
  if (raw->overflow == Overflow::conflate && raw->topic != nullptr) {
    notes().newest[key_of(*raw)] = raw;
  }
}

bool Mailbox::wake() noexcept {
  if (awake_ || (!mail_wakes_ && signals_ == Signal::none)) return false;
  awake_ = true;
  return true;
}

bool Mailbox::raise(Signal signal, std::uint32_t generation) {
  const std::lock_guard lock(mutex_);
  if (generation != generation_ || !is_open_) return false;
  signals_ = signals_ | signal;
  return wake();
}

Mailbox::Next Mailbox::next(Wish wish) {
  const std::lock_guard lock(mutex_);
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

EnvelopePtr Mailbox::take_first() {
  Envelope* control = control_.head;
  Envelope* data = data_.head;
  if (control == nullptr && data == nullptr) return nullptr;
  const bool takes_data =
      control == nullptr || (data != nullptr && data->arrival < control->arrival);
  if (takes_data) {
    unlink_data(data);
    ++running_;
    return EnvelopePtr(data);
  }
  control_.remove(control);
  if (is_counted(control->kind)) {
    --control_count_;
    ++running_;
  }
  if (control->kind == Kind::gap) {
    const auto found = notes_->gaps.find(key_of(*control));
    if (found != notes_->gaps.end() && found->second == control) notes_->gaps.erase(found);
  }
  return EnvelopePtr(control);
}

void Mailbox::set_mail_wakes(bool mail_wakes) {
  const std::lock_guard lock(mutex_);
  mail_wakes_ = mail_wakes;
}

void Mailbox::refuse_data(Errc why) {
  const std::lock_guard lock(mutex_);
  refusal_ = why;
}

void Mailbox::welcome_data() {
  const std::lock_guard lock(mutex_);
  if (!planted(Bug::unpark_stays_shut)) refusal_ = Errc::no_actor;
}

std::vector<EnvelopePtr> Mailbox::go_down() {
  const std::lock_guard lock(mutex_);
  mail_wakes_ = false;
  is_down_ = true;
  return take_requests_if(true);
}

void Mailbox::come_up() {
  const std::lock_guard lock(mutex_);
  mail_wakes_ = true;
  is_down_ = false;
}

std::vector<EnvelopePtr> Mailbox::take_requests() {
  const std::lock_guard lock(mutex_);
  return take_requests_if(false);
}

std::vector<EnvelopePtr> Mailbox::take_requests_if(bool must_fail_fast) {
  std::vector<EnvelopePtr> taken;
  for (Envelope* at = data_.head; at != nullptr;) {
    Envelope* next = at->next;
    if (at->kind == Kind::request && (!must_fail_fast || at->fails_fast)) {
      unlink_data(at);
      ++running_;
      taken.emplace_back(at);
    }
    at = next;
  }
  return taken;
}

bool Mailbox::try_sleep() {
  const std::lock_guard lock(mutex_);
  const bool has_mail = control_.head != nullptr || data_.head != nullptr;
  if (signals_ != Signal::none || (mail_wakes_ && has_mail)) return false;
  awake_ = false;
  return true;
}

bool Mailbox::close_if_empty() {
  const std::lock_guard lock(mutex_);
  if (control_.head != nullptr || data_.head != nullptr) return false;
  is_open_ = false;
  return true;
}

std::vector<EnvelopePtr> Mailbox::close() {
  const std::lock_guard lock(mutex_);
  is_open_ = false;
  return take_lists();
}

std::vector<EnvelopePtr> Mailbox::close_life(std::uint32_t generation) {
  const std::lock_guard lock(mutex_);
  if (generation != generation_ || !is_open_) return {};
  is_open_ = false;
  return take_lists();
}

void Mailbox::retire() {
  const std::lock_guard lock(mutex_);
  generation_ = 0;
}

std::vector<EnvelopePtr> Mailbox::take_lists() {
  std::vector<EnvelopePtr> all;
  while (EnvelopePtr first = take_first()) all.push_back(std::move(first));
  return all;
}

void Mailbox::settle_handled() noexcept {
  const std::lock_guard lock(mutex_);
  --running_;
  ++handled_;
}

void Mailbox::settle_dropped(DropCause cause) noexcept {
  const std::lock_guard lock(mutex_);
  --running_;
  drop(cause);
}

void Mailbox::settle_dead_lettered() noexcept {
  const std::lock_guard lock(mutex_);
  --running_;
  ++losses().dead_lettered;
}

bool Mailbox::is_open_for(std::uint32_t generation) const {
  const std::lock_guard lock(mutex_);
  return is_open_ && generation == generation_;
}

Overflow Mailbox::overflow_policy() const {
  const std::lock_guard lock(mutex_);
  return options_.overflow;
}

Ledger Mailbox::ledger() const {
  const std::lock_guard lock(mutex_);
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

std::uint64_t Mailbox::queued() const {
  const std::lock_guard lock(mutex_);
  return std::uint64_t{data_count_} + control_count_;
}

bool Mailbox::is_consistent() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t bytes = 0;
  std::uint32_t data = 0;
  std::uint32_t control = 0;
  bool is_ordered = true;
  for (const Envelope* at = data_.head; at != nullptr; at = at->next) {
    ++data;
    bytes += at->payload.size();
    is_ordered = is_ordered && (at->next == nullptr || at->next->arrival > at->arrival);
  }
  for (const Envelope* at = control_.head; at != nullptr; at = at->next) {
    if (is_counted(at->kind)) ++control;
    is_ordered = is_ordered && (at->next == nullptr || at->next->arrival >= at->arrival);
  }
  return is_ordered && bytes == data_bytes_ && data == data_count_ && control == control_count_ &&
         data <= options_.limits.data_messages_max && bytes <= options_.limits.data_bytes_max;
}

}  // namespace backstage
