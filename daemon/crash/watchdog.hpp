/// Watchdog: decides whether the service manager's watchdog may be fed. Pure: takes the time and
/// the signs of life as arguments.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "core/clock.hpp"

namespace backstage::crash {

/// A sign of life: `progress` advances while the part does. One that is `wanted` has something to
/// do, so it must advance; one that is not may rest.
struct Vital {
  std::uint64_t progress = 0;
  bool is_wanted = false;
};

class Watchdog {
 public:
  struct Part {
    std::string_view name;
    std::function<Vital()> look;
  };
  struct Verdict {
    bool feed = false;
    std::vector<std::string_view> stalled;    ///< since this look
    std::vector<std::string_view> recovered;  ///< with this look
  };

  /// `interval` is the manager's: without food for so long it ends the process.
  Watchdog(Duration interval, std::vector<Part> parts, TimePoint now);

  /// Looks at every part. Food is due after half the interval, unless a part that is wanted has
  /// stood still for half of it; and at once when the last of these goes on. [main]
  [[nodiscard]] Verdict look(TimePoint now);
  /// When to look next: an eighth of the interval after the last look.
  [[nodiscard]] TimePoint next_look() const noexcept { return next_look_; }

 private:
  struct State {
    std::uint64_t progress = 0;
    TimePoint since;  // of standing still
    bool is_stalled = false;
  };

  const Duration interval_;
  const std::vector<Part> parts_;
  std::vector<State> states_;  // of each part
  TimePoint fed_at_;
  TimePoint next_look_;
  bool is_starving_ = false;
};

/// The interval of $WATCHDOG_USEC, unless it is not there, not a number, or $WATCHDOG_PID says that
/// it is meant for another process. Null for a variable that is not set. [any]
[[nodiscard]] std::optional<Duration> watchdog_interval(const char* usec, const char* pid,
                                                        std::int64_t own_pid);

}  // namespace backstage::crash
