/// Supervisor: decides what follows a failure. Pure: takes the time as an argument.
///
/// Words and meaning are OTP's: more than `intensity` failures within `period` are too many. The
/// root is one_for_one and parks (ruling 21).
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

#include "core/clock.hpp"
#include "core/values/limits.hpp"

namespace backstage {

struct RestartPolicy {
  std::uint32_t intensity = restart_intensity;
  Duration period = restart_period;
  Duration backoff_min = restart_backoff_min;
  Duration backoff_max = restart_backoff_max;
};

struct Decision {
  enum class Verb : std::uint8_t { restart, park };
  Verb verb;
  Duration after{};  ///< restart: how long to wait first
};

/// The failures of one actor within its period.
class RestartHistory {
 public:
  /// Notes a failure at `now` and says what follows. The wait doubles with each failure inside the
  /// period, from backoff_min up to backoff_max. [actor]
  [[nodiscard]] Decision on_failure(const RestartPolicy& policy, TimePoint now);
  /// Since the actor was spawned. [any]
  [[nodiscard]] std::uint64_t restarts() const noexcept {
    return restarts_.load(std::memory_order_relaxed);
  }
  void clear() noexcept {
    failures_.clear();
    restarts_.store(0, std::memory_order_relaxed);
  }

 private:
  std::vector<TimePoint> failures_;  // oldest first, at most intensity + 1
  std::atomic<std::uint64_t> restarts_{0};
};

}  // namespace backstage
