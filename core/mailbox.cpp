#include "core/mailbox.hpp"

#include <unordered_map>
#include <utility>

namespace backstage {
namespace {

struct Key {
  SubscriptionId subscription;
  const Topic* topic;
  bool operator==(const Key&) const = default;
};
struct KeyHash {
  std::size_t operator()(const Key& key) const noexcept {
    return std::hash<const void*>{}(key.topic) ^
           (static_cast<std::size_t>(key.subscription) * 0x9E3779B97F4A7C15U);
  }
};
Key key_of(const Envelope& envelope) noexcept { return {envelope.subscription, envelope.topic}; }

std::string_view loss_reason(DropCause cause) noexcept {
  return cause == DropCause::conflated ? "conflate" : "slow";
}

}  // namespace

struct Mailbox::Notes {
  std::unordered_map<Key, Envelope*, KeyHash> gaps;    // the last queued gap of each
  std::unordered_map<Key, Envelope*, KeyHash> newest;  // the queued publish, where conflated
};

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
  arrivals_ = 0;
  counts_ = Ledger{};
  notes_.reset();
}

Errc Mailbox::closed_for(const Envelope& envelope, std::uint32_t generation) const noexcept {
  if (generation != generation_) return Errc::no_actor;
  if (!is_open_) return Errc::stopping;
  return is_data(envelope.kind) || refusal_ == Errc::parked ? refusal_ : Errc::no_actor;
}

PushResult Mailbox::push(EnvelopePtr& envelope, std::uint32_t generation) {
  const std::lock_guard lock(mutex_);
  const bool is_mine = generation == generation_ && is_open_;
  if (const Errc why = closed_for(*envelope, generation); !is_mine || why != Errc::no_actor) {
    if (is_mine) ++counts_.refused[static_cast<std::size_t>(why)];
    return {PushVerdict::refused, why, false, is_mine};
  }
  if (is_data(envelope->kind)) {
    if (envelope->topic == nullptr) {
      // Direct mail: the mailbox's own policy. There is nothing it could be conflated with.
      const bool is_conflating = options_.overflow == Overflow::conflate;
      envelope->overflow = is_conflating ? Overflow::reject : options_.overflow;
    }
    if (envelope->overflow == Overflow::conflate && envelope->topic != nullptr) conflate(*envelope);
    if (!has_room(*envelope) && !evict_oldest_for(*envelope)) return overflow(envelope);
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
  if (is_counted(raw->kind)) ++counts_.accepted;
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

// The newer publish of an address makes the queued one obsolete.
void Mailbox::conflate(const Envelope& newer) {
  if (notes_ == nullptr) return;
  const auto found = notes_->newest.find(key_of(newer));
  if (found == notes_->newest.end()) return;
  Envelope* older = found->second;
  unlink_data(older);
  lose(EnvelopePtr(older), DropCause::conflated);
}

bool Mailbox::evict_oldest_for(const Envelope& envelope) {
  const auto policy = envelope.overflow;
  if (policy != Overflow::drop_oldest && policy != Overflow::conflate) return false;
  // A message larger than the whole budget would evict everything and still not fit.
  if (envelope.payload.size() > options_.limits.data_bytes_max) return false;
  Envelope* candidate = data_.head;
  while (candidate != nullptr && !has_room(envelope)) {
    Envelope* next = candidate->next;
    const auto theirs = candidate->overflow;
    if (theirs == Overflow::drop_oldest || theirs == Overflow::conflate) {
      unlink_data(candidate);
      lose(EnvelopePtr(candidate), DropCause::oldest);
    }
    candidate = next;
  }
  return has_room(envelope);
}

// Full, and nothing could be evicted for it.
PushResult Mailbox::overflow(EnvelopePtr& envelope) {
  switch (envelope->overflow) {
    case Overflow::reject:
      ++counts_.refused[static_cast<std::size_t>(Errc::mailbox_full)];
      return {PushVerdict::refused, Errc::mailbox_full, false};
    case Overflow::kick:
      ++counts_.accepted;
      lose(std::move(envelope), DropCause::slow);
      signals_ = signals_ | Signal::kick;
      return {PushVerdict::dropped, {}, wake()};
    case Overflow::drop_newest:
    case Overflow::drop_oldest:
    case Overflow::conflate:
      break;
  }
  ++counts_.accepted;
  lose(std::move(envelope), DropCause::newest);
  // A loss note may be the first work of an idle owner.
  return {PushVerdict::dropped, {}, control_.head != nullptr && wake()};
}

// Counts a dropped delivery; for those who want to know, it becomes a note in its own place (or
// widens the note before it: losses of one subscription and address come in rising order).
void Mailbox::lose(EnvelopePtr envelope, DropCause cause) {
  ++counts_.dropped[static_cast<std::size_t>(cause)];
  if (!options_.notes_losses || envelope->topic == nullptr || envelope->is_snapshot) return;
  auto& gaps = notes().gaps;
  const Key key = key_of(*envelope);
  const auto reason = loss_reason(cause);
  if (const auto found = gaps.find(key); found != gaps.end()) {
    Envelope* gap = found->second;
    if (gap->seq_last + 1 == envelope->seq && gap->payload.text() == reason) {
      gap->seq_last = envelope->seq;
      return;
    }
  }
  envelope->kind = Kind::gap;
  envelope->seq_last = envelope->seq;
  envelope->payload = Payload(reason);
  // A gap of an evicted message must be told before what was queued behind that message, so it
  // keeps its arrival number: it goes in front of every control envelope that came later.
  Envelope* raw = envelope.release();
  if (raw->arrival == 0) raw->arrival = ++arrivals_;
  Envelope* after = control_.tail;
  while (after != nullptr && after->arrival > raw->arrival) after = after->prev;
  control_.insert_after(after, raw);
  gaps[key] = raw;
}

void Mailbox::unlink_data(Envelope* envelope) {
  data_.remove(envelope);
  --data_count_;
  data_bytes_ -= envelope->payload.size();
  if (notes_ == nullptr || envelope->overflow != Overflow::conflate) return;
  const auto found = notes_->newest.find(key_of(*envelope));
  if (found != notes_->newest.end() && found->second == envelope) notes_->newest.erase(found);
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

Mailbox::Next Mailbox::next(bool wants_mail) {
  const std::lock_guard lock(mutex_);
  if (signals_ != Signal::none) return {std::exchange(signals_, Signal::none), nullptr};
  if (!wants_mail) return {};
  return {Signal::none, take_first()};
}

EnvelopePtr Mailbox::take_first() {
  Envelope* control = control_.head;
  Envelope* data = data_.head;
  if (control == nullptr && data == nullptr) return nullptr;
  const bool takes_data =
      control == nullptr || (data != nullptr && data->arrival < control->arrival);
  if (takes_data) {
    unlink_data(data);
    ++counts_.running;
    return EnvelopePtr(data);
  }
  control_.remove(control);
  if (is_counted(control->kind)) {
    --control_count_;
    ++counts_.running;
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

void Mailbox::retire() {
  const std::lock_guard lock(mutex_);
  generation_ = 0;
}

std::vector<EnvelopePtr> Mailbox::take_all() {
  const std::lock_guard lock(mutex_);
  return take_lists();
}

std::vector<EnvelopePtr> Mailbox::take_lists() {
  std::vector<EnvelopePtr> all;
  while (EnvelopePtr first = take_first()) all.push_back(std::move(first));
  return all;
}

void Mailbox::settle_handled() noexcept {
  const std::lock_guard lock(mutex_);
  --counts_.running;
  ++counts_.handled;
}

void Mailbox::settle_dropped(DropCause cause) noexcept {
  const std::lock_guard lock(mutex_);
  --counts_.running;
  ++counts_.dropped[static_cast<std::size_t>(cause)];
}

void Mailbox::settle_dead_lettered() noexcept {
  const std::lock_guard lock(mutex_);
  --counts_.running;
  ++counts_.dead_lettered;
}

bool Mailbox::is_open_for(std::uint32_t generation) const {
  const std::lock_guard lock(mutex_);
  return is_open_ && generation == generation_;
}

Ledger Mailbox::ledger() const {
  const std::lock_guard lock(mutex_);
  Ledger ledger = counts_;
  ledger.queued = data_count_ + control_count_;
  ledger.queued_bytes = data_bytes_;
  return ledger;
}

std::uint64_t Mailbox::queued() const {
  const std::lock_guard lock(mutex_);
  return data_count_ + control_count_;
}

Mailbox::Notes& Mailbox::notes() {
  if (notes_ == nullptr) notes_ = std::make_unique<Notes>();
  return *notes_;
}

}  // namespace backstage
