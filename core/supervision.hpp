/// Supervision: how failures of a type's actors, and of their children, are met. Words and meaning
/// are OTP's (stdlib `supervisor`), with a back-off beside them.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/values/limits.hpp"

namespace backstage {

/// Which siblings a supervisor makes anew with a failed child.
enum class Strategy : std::uint8_t {
  one_for_one,   ///< none
  one_for_all,   ///< all of them
  rest_for_one,  ///< those started after it
};

/// Which ends of an actor are followed by a new self.
enum class Restart : std::uint8_t {
  permanent,  ///< failure, and stopping itself
  transient,  ///< failure only
  temporary,  ///< none
};

/// Asked to stop from outside, every actor stops for good.
struct Supervision {
  // --- Of the actor itself.
  Restart restart = Restart::transient;
  /// Times a message whose handler failed is handled again before it becomes a dead letter.
  std::uint32_t retries = 0;
  /// The wait before a new self: doubles with each failure, up to backoff_max, until the actor has
  /// been up for healthy_after.
  Duration backoff_min = restart_backoff_min;
  Duration backoff_max = restart_backoff_max;
  Duration healthy_after = restart_healthy_after;
  /// Each wait is shorter by a random part of up to this many percent (0..100), so that what failed
  /// together does not come back together.
  std::uint32_t jitter_percent = restart_jitter_percent;
  /// Time to stop when its supervisor asks; then it is killed.
  Duration stop_deadline = stop_deadline_default;

  // --- Of its children; of itself when it has no supervisor (the root is one_for_one).
  Strategy strategy = Strategy::one_for_one;
  /// More failures than this within `period` are too many: escalate; at the root, park.
  std::uint32_t intensity = restart_intensity;
  Duration period = restart_period;
};
/// Whether all of it is in range: no negative times, backoff_min <= backoff_max, percent <= 100.
[[nodiscard]] bool is_valid(const Supervision& supervision) noexcept;

/// The restarts within a period: `add_restart` of OTP's supervisor.erl.
class RestartHistory {
 public:
  /// Notes one at `now`. False: now there are too many.
  [[nodiscard]] bool add(std::uint32_t intensity, Duration period, TimePoint now);
  void clear() noexcept { times_.clear(); }

 private:
  std::vector<TimePoint> times_;  // oldest first, at most intensity + 1
};

/// The growing wait before a new self.
class Backoff {
 public:
  /// How long to wait after the failure of a self that was up for `was_up`. `chance` is uniform
  /// over all 64-bit values.
  [[nodiscard]] Duration next(const Supervision& supervision, Duration was_up,
                              std::uint64_t chance) noexcept;
  void reset() noexcept { streak_ = 0; }

 private:
  std::uint32_t streak_ = 0;  // failures in a row
};

}  // namespace backstage
