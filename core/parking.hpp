/// Parking: the place where one thread sleeps until another wakes it.
///
/// A futex (futex(2)) and nothing else: with a condition variable glibc makes one system call more
/// for each wake, since the sleeper takes the mutex back as if others waited for it.
#pragma once
#include <atomic>
#include <cstdint>

namespace backstage {

class Parking {
 public:
  /// Says that its owner is about to sleep: from here on one wake() is not lost. [owner]
  void enter() noexcept { is_parked_.store(1, std::memory_order_seq_cst); }
  /// Found something to do instead. [owner]
  void leave() noexcept { is_parked_.store(0, std::memory_order_seq_cst); }
  /// Sleeps from enter() to the next wake(), which may have been already. [owner]
  void sleep() noexcept;
  [[nodiscard]] bool is_parked() const noexcept {  // [any]
    return is_parked_.load(std::memory_order_seq_cst) != 0;
  }
  /// No system call if it is not parked, or woken already. [any]
  void wake() noexcept {
    if (is_parked_.exchange(0, std::memory_order_seq_cst) != 0) wake_sleeper();
  }

 private:
  using Word = std::uint32_t;

  void wake_sleeper() noexcept;

  std::atomic<Word> is_parked_{0};
  static_assert(sizeof is_parked_ == sizeof(Word) && std::atomic<Word>::is_always_lock_free);
};

}  // namespace backstage
