#include "core/timekeeper.hpp"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace backstage {

void Timekeeper::start(FireDue fire_due, Look look) {
  fire_due_ = std::move(fire_due);
  look_ = std::move(look);
  const std::lock_guard lock(mutex_);
  has_left_ = false;
  thread_ = std::thread([this] { run(); });
}

void Timekeeper::stop() { (void)stop(Duration::max()); }

bool Timekeeper::stop(Duration within) {
  Lock lock(mutex_);
  is_stopping_ = true;
  changed_.notify_all();
  const auto has_left = [this] { return has_left_; };
  if (within == Duration::max()) {
    left_.wait(lock, has_left);
  } else if (!left_.wait_for(lock, within, has_left)) {
    if (thread_.joinable()) thread_.detach();
    return false;
  }
  lock.unlock();
  if (thread_.joinable()) thread_.join();
  return true;
}

void Timekeeper::wake_at(TimePoint when) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (when >= next_due_) return;
    next_due_ = when;
  }
  changed_.notify_one();
}

void Timekeeper::begin_watch() noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (is_watching_.exchange(true, std::memory_order_relaxed)) return;
  }
  changed_.notify_one();
}

bool Timekeeper::is_due() const {
  const std::lock_guard lock(mutex_);
  return is_firing_ || (next_due_ != never && clock_.now() >= next_due_);
}

void Timekeeper::run() {
  (void)::pthread_setname_np(::pthread_self(), "timekeeper");
  Lock lock(mutex_);
  while (!is_stopping_) {
    wait(lock);
    if (is_stopping_) break;
    if (next_due_ != never && clock_.now() >= next_due_) fire(lock);
    if (!is_watching_.load(std::memory_order_relaxed)) continue;
    lock.unlock();
    const bool goes_on = look_();
    lock.lock();
    is_watching_.store(goes_on, std::memory_order_relaxed);
  }
  has_left_ = true;
  left_.notify_all();
}

void Timekeeper::fire(Lock& lock) {
  is_firing_ = true;
  next_due_ = never;
  lock.unlock();
  const TimePoint next = fire_due_(clock_.now());
  lock.lock();
  rounds_.fetch_add(1, std::memory_order_relaxed);
  is_firing_ = false;
  // A timer set meanwhile has told wake_at; the earlier of the two counts.
  next_due_ = std::min(next_due_, next);
}

// Until there may be something to do; to have waited for nothing does no harm.
void Timekeeper::wait(Lock& lock) {
  const bool is_watching = is_watching_.load(std::memory_order_relaxed);
  if (next_due_ == never && !is_watching) {
    changed_.wait(lock);
    return;
  }
  Duration rest = is_watching ? tick : Duration::max();
  if (next_due_ != never) rest = std::min(rest, next_due_ - clock_.now());
  if (rest > Duration::zero())
    changed_.wait_for(lock, std::min<Duration>(rest, std::chrono::hours(1)));
}

}  // namespace backstage
