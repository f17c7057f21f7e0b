/// Timers: everything the engine must do later, ordered by time.
///
/// A TimerWheel under one lock, a leaf that is held for a bounded number of entries at a time,
/// however many are due at once.
#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "core/clock.hpp"
#include "core/executor.hpp"
#include "core/spin_lock.hpp"
#include "core/timer_wheel.hpp"

namespace backstage {

/// `wait` after `now`; never, where that would be past the end of time.
[[nodiscard]] constexpr TimePoint later(TimePoint now, Duration wait) noexcept {
  return wait > never - now ? never : now + wait;
}

class Timers {
 public:
  explicit Timers(Alarm& alarm) : alarm_(alarm) {}
  /// [any]
  TimerKey set(TimePoint when, const Due& due);
  /// False: it has fired, or was cancelled before. [any]
  bool cancel(TimerKey key);
  /// The next entry due at `now`, or nothing. Whoever has taken all asks `next`; the alarm tells
  /// only of what is set after that. [one caller at a time]
  [[nodiscard]] std::optional<Due> take_due(TimePoint now);
  /// As many as `into` holds, earliest first, equal times in the order they were set. Returns how
  /// many; fewer: nothing else is due. What is taken cannot be cancelled any more. [one caller at a
  /// time]
  [[nodiscard]] std::size_t take_due(TimePoint now, std::span<Due> into);
  /// When to take again: no later than the earliest is due. Exact, unless that one shares its part
  /// of the wheel with more than 64 and one before it was cancelled. [any]
  [[nodiscard]] TimePoint next() const;
  [[nodiscard]] std::size_t live() const;
  /// With the cancelled ones whose memory is not used again yet.
  [[nodiscard]] std::size_t kept() const;
  /// What was done beside setting, cancelling and taking: see TimerWheel::work.
  [[nodiscard]] std::uint64_t work() const;

 private:
  Alarm& alarm_;
  mutable SpinLock lock_;
  // Guarded by lock_
  TimerWheel wheel_;
  TimePoint told_ = never;  // nobody need look before: by the alarm, or by next after taking all
};

}  // namespace backstage
