/// Counters of the transports: written by the gateway's thread, read by any.
#pragma once
#include <atomic>
#include <cstdint>

namespace backstage::transport {

/// A number with one writer: no locked instruction.
class Counter {
 public:
  void add(std::uint64_t by = 1) noexcept { set(get() + by); }
  void take() noexcept { set(get() - 1); }
  void set_to(std::uint64_t value) noexcept { set(value); }
  [[nodiscard]] std::uint64_t get() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  std::atomic<std::uint64_t> value_{0};
};

struct Counters {
  Counter connections;  ///< now

  // Since the start.
  Counter messages_in;       ///< on cmd
  Counter filters_unusable;  ///< that no address can match
  Counter auth_refused;      ///< connections that did not prove who they are
  Counter cut;               ///< connections ended by the daemon
  Counter gate_closed;       ///< times that as many connections were open as may be
};

}  // namespace backstage::transport
