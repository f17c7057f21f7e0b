/// What clients' and conflating mailboxes keep beside their lists; known to the mailbox only.
#pragma once
#include <functional>
#include <unordered_map>

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
  std::unordered_map<LossKey, Envelope*, LossKeyHash> gaps;  // the last queued gap of each
  std::unordered_map<LossKey, Envelope*, LossKeyHash>
      newest;  // the queued publish, where conflated
};

}  // namespace backstage
