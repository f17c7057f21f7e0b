/// WorkerPool: the threads that run hosted actors, and the clock they live by. The one unit of core
/// that knows threads.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "core/executor.hpp"

namespace backstage {

/// CLOCK_MONOTONIC.
class MonotonicClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const noexcept override;
};

/// One run queue for all workers; a worker that has nothing to run waits for work or for the next
/// timer. Cells are run in the order they were posted.
class WorkerPool final : public Executor, public Alarm {
 public:
  /// Fires what is due at the given time and returns when the next is (Engine::fire_due).
  using FireDue = std::function<TimePoint(TimePoint)>;

  explicit WorkerPool(const Clock& clock) : clock_(clock) {}
  /// Stops and joins.
  ~WorkerPool() override;
  /// Starts `workers` threads (at least 1). [main] once.
  void start(std::uint32_t workers, FireDue fire_due);
  /// Lets each worker finish its turn, then joins. Posted cells stay unrun. [main]
  void stop();

  void post(Cell& cell) noexcept override;
  void wake_at(TimePoint when) noexcept override;

  /// Turns run since the start: advances while at least one worker does. [any]
  [[nodiscard]] std::uint64_t turns() const noexcept;

 private:
  using Lock = std::unique_lock<std::mutex>;
  void work();
  void run_timers(Lock& lock);
  void run_cell(Lock& lock);
  void wait(Lock& lock);

  const Clock& clock_;
  FireDue fire_due_;
  std::vector<std::thread> threads_;

  mutable std::mutex mutex_;
  std::condition_variable work_there_;
  // Guarded by mutex_
  std::deque<Cell*> runnable_;
  TimePoint next_due_ = never;
  bool timers_running_ = false;
  bool stopping_ = false;
  std::uint32_t idle_ = 0;
  std::uint64_t turns_ = 0;
};

}  // namespace backstage
