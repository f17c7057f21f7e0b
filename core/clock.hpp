/// Time as the engine sees it: monotonic, injected, virtual in tests.
#pragma once
#include <chrono>
#include <cstdint>

namespace backstage {

using Duration = std::chrono::nanoseconds;

/// The tag of engine time. It has no now() on purpose: ask the injected Clock.
struct EngineTime {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<EngineTime>;
  static constexpr bool is_steady = true;
};
using TimePoint = EngineTime::time_point;
inline constexpr TimePoint never = TimePoint::max();

class Clock {
 public:
  virtual ~Clock() = default;
  /// Never goes back. [any]
  [[nodiscard]] virtual TimePoint now() const noexcept = 0;
  /// As now, some milliseconds ago perhaps, for a quarter of the price: within about_now_lag_max,
  /// two ticks of the slowest kernel. [any]
  [[nodiscard]] virtual TimePoint about_now() const noexcept { return now(); }
  static constexpr Duration about_now_lag_max = std::chrono::milliseconds{20};
};

}  // namespace backstage
