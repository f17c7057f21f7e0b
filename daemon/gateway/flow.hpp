/// Flow: how one subscription of a session is paced, and what a resume has to tell of it.
///
/// Only subscriptions with `window=` or `ack=1`, and those of a session with `ttl=`, have one.
#pragma once
#include <cstdint>
#include <unordered_map>

#include "core/fwd.hpp"
#include "daemon/gateway/delivery_window.hpp"

namespace backstage::gateway {

/// In flight with ack=1 where no window was asked for: as many as a session's mailbox holds.
inline constexpr std::uint32_t window_default = 1'000;

struct Flow {
  DeliveryWindow window;
  /// The last number handed to a connection of each address, by a session with `ttl=`: what a
  /// lost connection may have taken with it, where nothing is acknowledged.
  std::unordered_map<const Topic*, std::uint64_t> handed{};
  /// As `handed`, when `ack=1` began: of these nobody has kept copies.
  std::unordered_map<const Topic*, std::uint64_t> uncertain{};
  bool acks = false;       ///< ack=1: what is in flight is sent again after a resume
  bool is_single = false;  ///< of one address: its numbers only rise
  bool is_held = false;    ///< its mail waits
  bool is_ending = false;  ///< UNSUB was said: nothing may wait any more
  /// `window=` or `ack=1`: what is in flight counts.
  [[nodiscard]] bool is_counted() const noexcept { return window.messages_max() != 0; }
};

}  // namespace backstage::gateway
