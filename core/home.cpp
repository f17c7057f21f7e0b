#include "core/home.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

namespace backstage {

bool Home::has_membarrier() noexcept {
  static const bool is_registered =
      ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
  return is_registered;
}

void Home::heavy_barrier() noexcept {
  (void)::syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

// Either the owner's Guard sees the flag and waits, or this sees the owner inside and waits: the
// barrier puts the owner's store before its load in the eyes of this thread.
void Home::seize() noexcept {
  mutex_.lock();
  if (is_evicted_ || !has_membarrier()) return;
  is_seized_.store(true, std::memory_order_seq_cst);
  heavy_barrier();
  while (is_inside_.load(std::memory_order_acquire)) std::this_thread::yield();
}

void Home::give_back() noexcept {
  is_seized_.store(is_evicted_ || !has_membarrier(), std::memory_order_release);
  mutex_.unlock();
}

void Home::resume() noexcept {
  Activity expected = Activity::rests;
  while (!activity_.compare_exchange_weak(expected, Activity::works, std::memory_order_seq_cst)) {
    expected = Activity::rests;
    std::this_thread::yield();
  }
}

// With the mutex, so that no Seizure is under way; never waiting for it.
bool Home::lend() noexcept {
  if (activity_.load(std::memory_order_relaxed) != Activity::rests || !mutex_.try_lock()) {
    return false;
  }
  Activity expected = Activity::rests;
  if (activity_.compare_exchange_strong(expected, Activity::is_lent, std::memory_order_acquire)) {
    return true;
  }
  mutex_.unlock();
  return false;
}

void Home::take_back() noexcept {
  activity_.store(Activity::rests, std::memory_order_release);
  mutex_.unlock();
}

void Home::Guard::wait() noexcept {
  home_.is_inside_.store(false, std::memory_order_release);
  home_.mutex_.lock();
  has_mutex_ = true;
}

}  // namespace backstage
