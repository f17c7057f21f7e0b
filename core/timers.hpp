/// Timers: everything the engine must do later, ordered by time.
///
/// A binary heap under one mutex, a leaf. Cancelled entries stay until they surface, or until they
/// are the most: then the heap is made anew without them, at a constant cost for each.
#pragma once
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_set>
#include <vector>

#include "core/clock.hpp"
#include "core/executor.hpp"
#include "core/ids.hpp"

namespace backstage {

enum class TimerKey : std::uint64_t {};

/// `wait` after `now`; never, where that would be past the end of time.
[[nodiscard]] constexpr TimePoint later(TimePoint now, Duration wait) noexcept {
  return wait > never - now ? never : now + wait;
}

/// What is due, and for whom.
struct Due {
  enum class What : std::uint8_t {
    user_timer,        ///< `number` is the actor's TimerId
    request_deadline,  ///< `number` is the actor's RequestId
    backoff_over,
    idle_check,
    end_overdue,  ///< it was asked to end and has not
  };
  What what;
  ActorId who;
  std::uint64_t number = 0;
};

class Timers {
 public:
  explicit Timers(Alarm& alarm) : alarm_(alarm) {}
  TimerKey set(TimePoint when, Due due);
  /// False: it has fired, or was cancelled before.
  bool cancel(TimerKey key);
  /// The next entry due at `now`, or nothing. [one caller at a time]
  [[nodiscard]] std::optional<Due> take_due(TimePoint now);
  [[nodiscard]] TimePoint next() const;
  [[nodiscard]] std::size_t live() const;
  /// With the cancelled ones whose memory is not given back yet.
  [[nodiscard]] std::size_t kept() const;

 private:
  struct Entry {
    TimePoint when;
    TimerKey key;
    Due due;
    // Earliest first; equal times in the order they were set.
    bool operator<(const Entry& other) const noexcept {
      return when != other.when ? when > other.when : key > other.key;
    }
  };
  void drop_cancelled();
  void pop();

  Alarm& alarm_;
  mutable std::mutex mutex_;
  // Guarded by mutex_
  std::uint64_t last_key_ = 0;
  std::vector<Entry> heap_;  // by std::push_heap: the earliest in front
  std::unordered_set<TimerKey> live_;
};

}  // namespace backstage
