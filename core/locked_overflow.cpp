// LockedMailbox's losses: what gives way when it is full, and the notes of it.
#include <mutex>
#include <utility>

#include "core/fates.hpp"
#include "core/locked_mailbox.hpp"
#include "core/locked_notes.hpp"
#include "core/planted.hpp"

namespace backstage {
namespace {

std::string_view loss_reason(DropCause cause) noexcept {
  if (cause == DropCause::shed) return "shed";
  return cause == DropCause::conflated ? "conflate" : "slow";
}

}  // namespace

// The newer publish of an address makes the queued one obsolete.
void LockedMailbox::conflate(const Envelope& newer, const FateBook& book) {
  if (notes_ == nullptr) return;
  const auto found = notes_->newest.find(key_of(newer));
  if (found == notes_->newest.end()) return;
  Envelope* older = found->second;
  Envelope* const before = unlink_data(older);
  (void)lose(EnvelopePtr(older), DropCause::conflated, book, before);
}

bool LockedMailbox::evict_oldest_for(const Envelope& envelope, const FateBook& book) {
  const auto policy = envelope.overflow;
  if (policy != Overflow::drop_oldest && policy != Overflow::conflate) return false;
  // A message larger than the whole budget would evict everything and still not fit.
  if (envelope.payload.size() > options_.limits.data_bytes_max) return false;
  if (planted(Bug::data_evicts_control) && control_.head != nullptr) {
    Envelope* control = control_.head;
    control_.remove(control);
    if (is_counted(control->kind)) --control_count_;
    (void)lose(EnvelopePtr(control), DropCause::oldest, book, nullptr);
  }
  Envelope* candidate = data_.head;
  while (candidate != nullptr && !has_room(envelope)) {
    Envelope* next = candidate->after;
    const auto theirs = candidate->overflow;
    const bool gives_way = theirs == Overflow::drop_oldest || theirs == Overflow::conflate;
    if (gives_way && is_data(candidate->kind)) {
      Envelope* const before = unlink_data(candidate);
      if (planted(Bug::eviction_leaks_bytes)) data_bytes_ += candidate->payload.size();
      (void)lose(EnvelopePtr(candidate), DropCause::oldest, book, before);
    }
    candidate = next;
  }
  return has_room(envelope);
}

ShedResult LockedMailbox::shed(std::uint64_t bytes, std::uint32_t generation,
                               const FateBook& book) {
  const std::lock_guard lock(lock_);
  ShedResult result;
  if (generation != generation_ || !is_open_) return result;
  bool has_kicking = false;
  for (Envelope* at = data_.head; at != nullptr && result.bytes < bytes;) {
    Envelope* const next = at->after;
    const bool is_kicking = at->overflow == Overflow::kick;
    has_kicking = has_kicking || (at->kind == Kind::publish && is_kicking);
    if (at->kind == Kind::publish && !is_kicking) {
      result.bytes += at->payload.size() + sizeof(Envelope);
      Envelope* const before = unlink_data(at);
      (void)lose(EnvelopePtr(at), DropCause::shed, book, before);
    }
    at = next;
  }
  result.kicks = has_kicking && result.bytes < bytes;
  if (result.kicks) signals_ = signals_ | Signal::kick;
  result.woke_owner = (result.kicks || result.bytes != 0) && wake();
  return result;
}

// Full, and nothing could be evicted for it.
PushResult LockedMailbox::overflow(EnvelopePtr& envelope, const FateBook& book) {
  switch (envelope->overflow) {
    case Overflow::reject:
      return refuse(Errc::mailbox_full);
    case Overflow::kick:
      ++accepted_;
      (void)lose(std::move(envelope), DropCause::slow, book, data_.tail);
      signals_ = signals_ | Signal::kick;
      return {PushVerdict::dropped, {}, wake()};
    case Overflow::drop_newest:
    case Overflow::drop_oldest:
    case Overflow::conflate:
      break;
  }
  ++accepted_;
  const bool is_noted = lose(std::move(envelope), DropCause::newest, book, data_.tail);
  // A loss note may be the first work of an idle owner.
  return {PushVerdict::dropped, {}, is_noted && wake()};
}

// Counts a dropped delivery; for those who want to know, it becomes a note in its own place, behind
// `before`, or widens the note before it: losses of one subscription and address come in rising
// order. True: there is one note more.
bool LockedMailbox::lose(EnvelopePtr envelope, DropCause cause, const FateBook& book,
                         Envelope* before) {
  if (cause != DropCause::conflated || !planted(Bug::conflation_uncounted)) drop(cause);
  book.add(envelope->id, cause);
  if (!options_.notes_losses || envelope->topic == nullptr || envelope->is_snapshot) return false;
  auto& gaps = notes().gaps;
  const LossKey key = key_of(*envelope);
  const auto reason = loss_reason(cause);
  if (const auto found = gaps.find(key); found != gaps.end()) {
    Envelope* gap = found->second;
    if (gap->seq_last + 1 == envelope->seq && gap->payload.text() == reason) {
      gap->seq_last = envelope->seq;
      return false;
    }
  }
  envelope->kind = Kind::gap;
  envelope->seq_last = envelope->seq;
  envelope->payload = Payload(reason);
  Envelope* const raw = envelope.release();
  if (raw->arrival == 0) raw->arrival = ++arrivals_;
  data_.insert_after(before, raw);
  notes().on_replaced(raw);
  gaps[key] = raw;
  return true;
}

// Returns what lay before it.
Envelope* LockedMailbox::unlink_data(Envelope* envelope) {
  Envelope* const before = envelope->prev;
  if (notes_ != nullptr) notes_->on_unlink(envelope);
  data_.remove(envelope);
  if (envelope->kind == Kind::gap) {
    const auto found = notes_->gaps.find(key_of(*envelope));
    if (found != notes_->gaps.end() && found->second == envelope) notes_->gaps.erase(found);
    return before;
  }
  --data_count_;
  data_bytes_ -= envelope->payload.size();
  tell_tally();
  if (notes_ == nullptr || envelope->overflow != Overflow::conflate) return before;
  const auto found = notes_->newest.find(key_of(*envelope));
  if (found != notes_->newest.end() && found->second == envelope) notes_->newest.erase(found);
  return before;
}

void LockedMailbox::drop(DropCause cause) {
  const auto index = static_cast<std::size_t>(cause);
  ++losses().dropped[index];
  if (options_.tally != nullptr) {
    options_.tally->dropped[index].fetch_add(1, std::memory_order_relaxed);
  }
}

void LockedMailbox::tell_tally() noexcept {
  if (options_.tally == nullptr) return;
  const std::uint64_t now = data_bytes_ + data_count_ * sizeof(Envelope);
  const std::uint64_t change = now > told_bytes_ ? now - told_bytes_ : told_bytes_ - now;
  if (change < tally_step && (now != 0 || change == 0)) return;
  // Of unsigned numbers, so that less wraps to what is taken off.
  options_.tally->bytes.fetch_add(now - std::exchange(told_bytes_, now), std::memory_order_relaxed);
}

LockedMailbox::Losses& LockedMailbox::losses() {
  if (losses_ == nullptr) losses_ = std::make_unique<Losses>();
  return *losses_;
}

LockedMailbox::Notes& LockedMailbox::notes() {
  if (notes_ == nullptr) notes_ = std::make_unique<Notes>();
  return *notes_;
}

}  // namespace backstage
