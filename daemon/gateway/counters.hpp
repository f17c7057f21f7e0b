/// Counters of the gateway: written by its thread, read by any.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>

#include "core/values/errc.hpp"
#include "daemon/wire/status.hpp"

namespace backstage::gateway {

/// A number with one writer: no locked instruction.
class Counter {
 public:
  void add(std::uint64_t by = 1) noexcept { set(get() + by); }
  void take() noexcept { set(get() - 1); }
  [[nodiscard]] std::uint64_t get() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  std::atomic<std::uint64_t> value_{0};
};

struct Counters {
  // Now.
  Counter sessions;
  Counter filters;  ///< distinct ones of SUB sockets

  // Since the start.
  Counter sessions_opened;
  Counter messages_in;       ///< on cmd
  Counter messages_out;      ///< to clients, answers and deliveries
  Counter would_block;       ///< sends that had to wait
  Counter gone;              ///< peers that left
  Counter ignored;           ///< messages to a session that is ending
  Counter err0_suppressed;   ///< errors not told, over the rate
  Counter kicked;            ///< sessions ended as too slow
  Counter refused_peers;     ///< that chose their own routing id
  Counter sessions_refused;  ///< over sessions_max
  Counter late_replies;      ///< that a REQ socket no longer waited for
  Counter published;         ///< messages to pub
  Counter filters_refused;   ///< over filters_max
  Counter filters_unusable;  ///< that no address can match
  Counter ingested;          ///< messages taken in by ingest
  Counter ingest_refused;
  Counter ingest_stalls;
  Counter turns;  ///< of the loop: stands still when the gateway is stuck
  Counter beats;  ///< signs of life it was asked for

  /// Refusals by reason.
  std::array<Counter, errc_count> refused;
  std::array<Counter, wire::wire_errc_count> refused_by_wire;
};

}  // namespace backstage::gateway
