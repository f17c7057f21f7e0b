// LockedMailbox's patience: mail of a subscription that waits is passed over and keeps its place.
#include <algorithm>
#include <mutex>

#include "core/fates.hpp"
#include "core/locked_mailbox.hpp"
#include "core/locked_notes.hpp"

namespace backstage {

Envelope* LockedMailbox::Notes::first_released() {
  while (unseen != nullptr) {
    const auto found = held.find(unseen->subscription);
    if (found == held.end() || !found->second.is_waiting) break;
    if (found->second.first == nullptr) found->second.first = unseen;
    unseen = unseen->after;
  }
  Envelope* best = unseen;
  for (const SubscriptionId subscription : released) {
    Envelope* const first = held.find(subscription)->second.first;
    if (best == nullptr || first->arrival < best->arrival) best = first;
  }
  return best;
}

void LockedMailbox::Notes::on_appended(Envelope* envelope) noexcept {
  if (holds() && unseen == nullptr) unseen = envelope;
}

void LockedMailbox::Notes::on_replaced(Envelope* gap) noexcept {
  if (!holds()) return;
  if (gap->after == unseen) {
    unseen = gap;
    return;
  }
  if (unseen != nullptr && gap->arrival > unseen->arrival) return;
  // Passed over, as its message was.
  const auto found = held.find(gap->subscription);
  if (found == held.end()) return;
  Envelope*& first = found->second.first;
  const bool was_exhausted = first == nullptr;
  if (was_exhausted || first->arrival > gap->arrival) first = gap;
}

void LockedMailbox::Notes::on_unlink(Envelope* envelope) noexcept {
  if (!holds()) return;
  if (envelope == unseen) unseen = envelope->after;
  const auto found = held.find(envelope->subscription);
  if (found == held.end() || found->second.first != envelope) return;
  Envelope* next = envelope->after;
  while (next != unseen && next->subscription != envelope->subscription) next = next->after;
  found->second.first = next == unseen ? nullptr : next;
}

void LockedMailbox::Notes::hold(SubscriptionId subscription, Envelope* head) {
  if (!holds()) unseen = head;
  held[subscription].is_waiting = true;
  std::erase(released, subscription);
}

void LockedMailbox::Notes::release(SubscriptionId subscription) {
  const auto found = held.find(subscription);
  if (found == held.end() || !found->second.is_waiting) return;
  found->second.is_waiting = false;
  released.push_back(subscription);
}

void LockedMailbox::hold(SubscriptionId subscription) {
  const std::lock_guard lock(lock_);
  notes().hold(subscription, data_.head);
}

void LockedMailbox::release(SubscriptionId subscription) {
  const std::lock_guard lock(lock_);
  if (notes_ != nullptr) notes_->release(subscription);
}

void LockedMailbox::lose_all_of(SubscriptionId subscription, const FateBook& book) {
  const std::lock_guard lock(lock_);
  for (Envelope* at = data_.head; at != nullptr;) {
    Envelope* const next = at->after;
    if (at->kind == Kind::publish && at->subscription == subscription) {
      Envelope* const before = unlink_data(at);
      (void)lose(EnvelopePtr(at), DropCause::slow, book, before);
    }
    at = next;
  }
  if (notes_ != nullptr) notes_->release(subscription);
}

// Of the data; null: all that is there waits, or there is none.
Envelope* LockedMailbox::first_data() {
  if (notes_ == nullptr || !notes_->holds()) return data_.head;
  // Those that have nothing left from waiting are like any other.
  std::erase_if(notes_->released, [this](SubscriptionId subscription) {
    const auto found = notes_->held.find(subscription);
    if (found->second.first != nullptr) return false;
    notes_->held.erase(found);
    return true;
  });
  return notes_->holds() ? notes_->first_released() : data_.head;
}

}  // namespace backstage
