/// What clients' and conflating mailboxes keep beside their lists; known to the mailbox only.
#pragma once
#include <functional>
#include <unordered_map>
#include <vector>

#include "core/locked_mailbox.hpp"

namespace backstage {

/// One address as one subscription sees it.
struct LossKey {
  SubscriptionId subscription;
  const Topic* topic;
  bool operator==(const LossKey&) const = default;
};
struct LossKeyHash {
  std::size_t operator()(const LossKey& key) const noexcept {
    return std::hash<const void*>{}(key.topic) ^
           (static_cast<std::size_t>(key.subscription) * 0x9E3779B97F4A7C15U);
  }
};
[[nodiscard]] inline LossKey key_of(const Envelope& envelope) noexcept {
  return {envelope.subscription, envelope.topic};
}

struct LockedMailbox::Notes {
  /// A subscription whose mail is to wait, or that has some left from waiting.
  struct Held {
    Envelope* first = nullptr;  ///< of its mail that was passed over
    bool is_waiting = true;
  };

  std::unordered_map<LossKey, Envelope*, LossKeyHash> gaps;  // the last queued gap of each
  std::unordered_map<LossKey, Envelope*, LossKeyHash>
      newest;  // the queued publish, where conflated
  std::unordered_map<SubscriptionId, Held> held;
  // While somebody is held: what lies before it was passed over, and belongs to the held.
  Envelope* unseen = nullptr;
  std::vector<SubscriptionId> released;  // of the held: those that wait no more

  [[nodiscard]] bool holds() const noexcept { return !held.empty(); }
  /// The first of the data that need not wait; null: none.
  [[nodiscard]] Envelope* first_released();
  void on_appended(Envelope* envelope) noexcept;
  /// A gap stands where its message was, which has just gone.
  void on_replaced(Envelope* gap) noexcept;
  /// It is still linked.
  void on_unlink(Envelope* envelope) noexcept;
  void hold(SubscriptionId subscription, Envelope* head);
  void release(SubscriptionId subscription);
};

}  // namespace backstage
