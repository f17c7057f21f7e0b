/// Timekeeper: the thread that fires timers on time, and looks after busy workers while asked to.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "core/clock.hpp"

namespace backstage {

class Timekeeper {
 public:
  /// Fires what is due at the given time and returns when the next is (Engine::fire_due).
  using FireDue = std::function<TimePoint(TimePoint)>;
  /// Looks; returns whether to look again after the tick.
  using Look = std::function<bool()>;
  /// Between two looks: short beside what a person or a network notices, long beside the 30 us
  /// that it takes to wake a thread on a sleeping core.
  static constexpr Duration tick = std::chrono::microseconds(500);

  explicit Timekeeper(const Clock& clock) : clock_(clock) {}
  ~Timekeeper() { stop(); }
  Timekeeper(const Timekeeper&) = delete;
  Timekeeper& operator=(const Timekeeper&) = delete;

  /// [main] once.
  void start(FireDue fire_due, Look look);
  /// Joins; waits for a call that is under way. Idempotent. [main]
  void stop();
  /// As stop, for at most `within`. False: timers are still being fired, by a thread that is left
  /// to run. [main]
  [[nodiscard]] bool stop(Duration within);

  /// Timers are to be fired at `when`, if they are not earlier anyway. [any]
  void wake_at(TimePoint when) noexcept;
  /// Look from now on, until a look says that it is enough. One load while it does. [any]
  void watch() noexcept {
    if (!is_watching_.load(std::memory_order_relaxed)) begin_watch();
  }
  /// FireDue calls that returned. [any]
  [[nodiscard]] std::uint64_t rounds() const noexcept {
    return rounds_.load(std::memory_order_relaxed);
  }
  /// Timers are being fired, or should be. [any]
  [[nodiscard]] bool is_due() const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  void run();
  void fire(Lock& lock);
  void begin_watch() noexcept;
  void wait(Lock& lock);

  const Clock& clock_;
  FireDue fire_due_;
  Look look_;
  std::atomic<bool> is_watching_{false};  // written under mutex_
  std::atomic<std::uint64_t> rounds_{0};
  mutable std::mutex mutex_;  // a leaf
  std::condition_variable changed_;
  std::condition_variable left_;
  // Guarded by mutex_
  TimePoint next_due_ = never;
  bool is_firing_ = false;
  bool is_stopping_ = false;
  bool has_left_ = true;
  std::thread thread_;
};

}  // namespace backstage
