#include "core/supervision.hpp"

#include "core/planted.hpp"

namespace backstage {

bool is_valid(const Supervision& supervision) noexcept {
  constexpr auto zero = Duration::zero();
  return supervision.backoff_min >= zero && supervision.backoff_max >= supervision.backoff_min &&
         supervision.healthy_after >= zero && supervision.stop_deadline >= zero &&
         supervision.period >= zero && supervision.jitter_percent <= 100 &&
         supervision.restart <= Restart::temporary &&
         supervision.strategy <= Strategy::rest_for_one;
}

bool RestartHistory::add(std::uint32_t intensity, Duration period, TimePoint now) {
  if (!planted(Bug::window_never_slides)) {
    std::erase_if(times_, [&](TimePoint then) { return now - then > period; });
  }
  times_.push_back(now);
  return times_.size() <= intensity;
}

Duration Backoff::next(const Supervision& supervision, Duration was_up,
                       std::uint64_t chance) noexcept {
  if (was_up >= supervision.healthy_after) streak_ = 0;
  ++streak_;
  Duration wait = supervision.backoff_min;
  const Duration bound = supervision.backoff_max;
  // Half of the bound is compared, as twice the wait could be past the end of time.
  for (std::uint32_t i = 1; i < streak_ && wait < bound; ++i) {
    wait = wait > bound / 2 ? bound : wait * 2;
  }
  constexpr std::uint64_t parts = 1024;
  const auto percent = static_cast<Duration::rep>(supervision.jitter_percent);
  const auto part = static_cast<Duration::rep>(chance % parts);
  return wait - wait / 100 * percent / static_cast<Duration::rep>(parts) * part;
}

}  // namespace backstage
