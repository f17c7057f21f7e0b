#include "core/worker_pool.hpp"

#include <time.h>

#include "core/cell.hpp"

namespace backstage {

TimePoint MonotonicClock::now() const noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return TimePoint(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

WorkerPool::~WorkerPool() { stop(); }

void WorkerPool::start(std::uint32_t workers, FireDue fire_due) {
  fire_due_ = std::move(fire_due);
  for (std::uint32_t i = 0; i < workers; ++i) threads_.emplace_back([this] { work(); });
}

void WorkerPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_there_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void WorkerPool::post(Cell& cell) noexcept {
  bool should_wake = false;
  {
    const std::lock_guard lock(mutex_);
    runnable_.push_back(&cell);
    should_wake = idle_ > 0;
  }
  if (should_wake) work_there_.notify_one();
}

void WorkerPool::wake_at(TimePoint when) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (when >= next_due_) return;
    next_due_ = when;
  }
  work_there_.notify_one();
}

void WorkerPool::work() {
  Lock lock(mutex_);
  while (!stopping_) {
    if (!timers_running_ && next_due_ != never && clock_.now() >= next_due_) {
      run_timers(lock);
    } else if (!runnable_.empty()) {
      run_cell(lock);
    } else {
      wait(lock);
    }
  }
}

void WorkerPool::run_timers(Lock& lock) {
  timers_running_ = true;
  next_due_ = never;
  lock.unlock();
  const TimePoint next = fire_due_(clock_.now());
  lock.lock();
  timers_running_ = false;
  // A timer set meanwhile has told wake_at; the earlier of the two counts.
  next_due_ = std::min(next_due_, next);
  // Idle workers wait without a limit while timers run: one of them must know the new deadline, for
  // this worker may now run a handler that takes long.
  if (idle_ > 0 && next_due_ != never) work_there_.notify_one();
}

void WorkerPool::run_cell(Lock& lock) {
  Cell* cell = runnable_.front();
  runnable_.pop_front();
  ++turns_;
  lock.unlock();
  const bool has_more = cell->drain();
  lock.lock();
  if (has_more) runnable_.push_back(cell);
}

void WorkerPool::wait(Lock& lock) {
  ++idle_;
  if (next_due_ == never || timers_running_) {
    work_there_.wait(lock);
  } else {
    const auto rest = next_due_ - clock_.now();
    work_there_.wait_for(lock, rest);
  }
  --idle_;
}

std::uint64_t WorkerPool::turns() const noexcept {
  const std::lock_guard lock(mutex_);
  return turns_;
}

}  // namespace backstage
