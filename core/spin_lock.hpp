/// SpinLock: a lock of one byte, for some dozen nanoseconds' work.
///
/// Uncontended it costs one locked instruction, a mutex two and forty bytes. Nothing that waits,
/// allocates much or calls out belongs under it. For std::lock_guard.
#pragma once
#include <atomic>
#include <thread>

namespace backstage {

class SpinLock {
 public:
  void lock() noexcept {
    // Acquire: pairs with the release of whoever held it before.
    while (is_held_.exchange(true, std::memory_order_acquire)) wait();
  }
  void unlock() noexcept { is_held_.store(false, std::memory_order_release); }

 private:
  // Looks without writing, so that the holder keeps its cache line; then lets the holder run, which
  // may wait for this very processor.
  void wait() const noexcept {
    constexpr int looks = 64;
    for (int look = 0; is_held_.load(std::memory_order_relaxed); ++look) {
      if (look >= looks) {
        std::this_thread::yield();
      } else {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
      }
    }
  }

  std::atomic<bool> is_held_{false};
};

}  // namespace backstage
