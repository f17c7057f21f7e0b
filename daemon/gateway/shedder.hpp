/// Shedder: keeps what waits for all clients together within the gateway's memory.
#pragma once
#include "core/clock.hpp"
#include "daemon/gateway/house.hpp"
#include "daemon/gateway/sessions.hpp"

namespace backstage::gateway {

/// All of it is [gateway].
class Shedder {
 public:
  Shedder(House& house, Sessions& sessions) noexcept : house_(house), sessions_(sessions) {}

  /// After each turn: if too much waits, the session that has most gives up its oldest published
  /// messages, then the next, until a sixteenth of the budget is free again.
  void look() {
    if (waiting() > house_.options.limits.waiting_bytes_max) [[unlikely]]
      shed();
  }

 private:
  [[nodiscard]] std::uint64_t waiting() const noexcept {
    return house_.counters.clients.bytes.load(std::memory_order_relaxed);
  }
  void shed();

  House& house_;
  Sessions& sessions_;
  TimePoint not_before_{};  // the next look, after one that found nothing to give up
};

}  // namespace backstage::gateway
