// LockedMailbox's losses: what gives way when it is full, and the notes of it.
#include <utility>

#include "core/fates.hpp"
#include "core/locked_mailbox.hpp"
#include "core/locked_notes.hpp"
#include "core/planted.hpp"

namespace backstage {
namespace {

std::string_view loss_reason(DropCause cause) noexcept {
  return cause == DropCause::conflated ? "conflate" : "slow";
}

}  // namespace

// The newer publish of an address makes the queued one obsolete.
void LockedMailbox::conflate(const Envelope& newer, const FateBook& book) {
  if (notes_ == nullptr) return;
  const auto found = notes_->newest.find(key_of(newer));
  if (found == notes_->newest.end()) return;
  Envelope* older = found->second;
  unlink_data(older);
  lose(EnvelopePtr(older), DropCause::conflated, book);
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
    lose(EnvelopePtr(control), DropCause::oldest, book);
  }
  Envelope* candidate = data_.head;
  while (candidate != nullptr && !has_room(envelope)) {
    Envelope* next = candidate->after;
    const auto theirs = candidate->overflow;
    if (theirs == Overflow::drop_oldest || theirs == Overflow::conflate) {
      unlink_data(candidate);
      if (planted(Bug::eviction_leaks_bytes)) data_bytes_ += candidate->payload.size();
      lose(EnvelopePtr(candidate), DropCause::oldest, book);
    }
    candidate = next;
  }
  return has_room(envelope);
}

// Full, and nothing could be evicted for it.
PushResult LockedMailbox::overflow(EnvelopePtr& envelope, const FateBook& book) {
  switch (envelope->overflow) {
    case Overflow::reject:
      return refuse(Errc::mailbox_full);
    case Overflow::kick:
      ++accepted_;
      lose(std::move(envelope), DropCause::slow, book);
      signals_ = signals_ | Signal::kick;
      return {PushVerdict::dropped, {}, wake()};
    case Overflow::drop_newest:
    case Overflow::drop_oldest:
    case Overflow::conflate:
      break;
  }
  ++accepted_;
  lose(std::move(envelope), DropCause::newest, book);
  // A loss note may be the first work of an idle owner.
  return {PushVerdict::dropped, {}, control_.head != nullptr && wake()};
}

// Counts a dropped delivery; for those who want to know, it becomes a note in its own place (or
// widens the note before it: losses of one subscription and address come in rising order).
void LockedMailbox::lose(EnvelopePtr envelope, DropCause cause, const FateBook& book) {
  if (cause != DropCause::conflated || !planted(Bug::conflation_uncounted)) drop(cause);
  book.add(envelope->id, cause);
  if (!options_.notes_losses || envelope->topic == nullptr || envelope->is_snapshot) return;
  auto& gaps = notes().gaps;
  const LossKey key = key_of(*envelope);
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

void LockedMailbox::unlink_data(Envelope* envelope) {
  data_.remove(envelope);
  --data_count_;
  data_bytes_ -= envelope->payload.size();
  if (notes_ == nullptr || envelope->overflow != Overflow::conflate) return;
  const auto found = notes_->newest.find(key_of(*envelope));
  if (found != notes_->newest.end() && found->second == envelope) notes_->newest.erase(found);
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
