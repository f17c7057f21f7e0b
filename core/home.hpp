/// Home: where a cell lives. What one thread may touch with plain instructions, and how others get
/// in.
///
/// The plain state of a cell (its list of mail, its place in a run queue) belongs to the cell's
/// home, and the home to one thread at a time, its owner, which enters by a Guard: two plain stores
/// and a load. Anybody else takes a Seizure: it shuts the owner out by a flag and a barrier that
/// only the one who seizes pays for. (An asymmetric Dekker lock; D. Dice, H. Huang, M. Yang:
/// Asymmetric Dekker Synchronization, 2001; the barrier is membarrier(2), private and expedited;
/// where the system refuses that, each Guard takes a mutex.)
///
/// Both are leaves: nothing that takes another lock is called inside.
#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>

namespace backstage {

class Cell;
class RunQueue;

class Home {
 public:
  Home() = default;
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;

  /// The home that the calling thread owns; null on most threads.
  [[nodiscard]] static Home* here() noexcept { return here_; }
  /// From now on the calling thread is the owner of `home` (null: of none). The previous owner, if
  /// there was one, has given it up before.
  static void settle(Home* home) noexcept { here_ = home; }

  /// The owner's way in. [owner]
  class Guard {
   public:
    explicit Guard(Home& home) noexcept : home_(home) {
      home.is_inside_.store(true, std::memory_order_relaxed);
      // The compiler must not turn them round; what the processor does is heavy_barrier's matter.
      std::atomic_signal_fence(std::memory_order_seq_cst);
      // Pairs with the release at the end of a Seizure: what was changed there is seen here.
      if (home.is_seized_.load(std::memory_order_acquire)) [[unlikely]]
        wait();
    }
    ~Guard() {
      // Pairs with the acquire in seize(): whoever sees it false sees what was done inside.
      home_.is_inside_.store(false, std::memory_order_release);
      if (has_mutex_) [[unlikely]]
        home_.mutex_.unlock();
    }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    void wait() noexcept;
    Home& home_;
    bool has_mutex_ = false;
  };

  /// Anybody's way in, the owner's thread excepted while it holds a Guard. Costs some microseconds
  /// when the owner runs. [any]
  class Seizure {
   public:
    explicit Seizure(Home& home) noexcept : home_(home) { home.seize(); }
    ~Seizure() { home_.give_back(); }
    Seizure(const Seizure&) = delete;
    Seizure& operator=(const Seizure&) = delete;

   private:
    Home& home_;
  };

  /// The owner rests from here until `resume`: it touches nothing of the home, which others may
  /// borrow. [owner, outside any Guard]
  void rest() noexcept { activity_.store(Activity::rests, std::memory_order_seq_cst); }
  void resume() noexcept;
  /// A way in that costs little and is there only while the owner rests. [any]
  class Loan {
   public:
    explicit Loan(Home& home) noexcept : home_(home), is_given_(home.lend()) {}
    ~Loan() {
      if (is_given_) home_.take_back();
    }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    [[nodiscard]] bool is_given() const noexcept { return is_given_; }

   private:
    Home& home_;
    const bool is_given_;
  };

  /// Where the cells wait that its owner wakes; without one, their executor is asked. Before cells
  /// live here.
  void set_ready(RunQueue& ready) noexcept { ready_ = &ready; }
  /// Puts a cell that lives here there, next of all. False: its executor is to be asked. [owner, in
  /// a Guard; run_queue.hpp]
  [[nodiscard]] bool take_up(Cell& cell) noexcept;

  /// Within a Seizure: the owner is shut out until `readmit`; its Guards then take the mutex, as if
  /// it were anybody. For an owner that hangs, or has none.
  void evict() noexcept { is_evicted_ = true; }
  void readmit() noexcept { is_evicted_ = false; }
  /// [in a Guard or a Seizure]
  [[nodiscard]] bool is_evicted() const noexcept { return is_evicted_; }

  /// All that every thread of this process did before is seen by the caller, and what the caller
  /// did before is seen by all of them after.
  static void heavy_barrier() noexcept;

  /// A block of message numbers, kept by the owner so that no two threads count on one line: those
  /// after `given` up to `last` are nobody's yet.
  struct Numbers {
    std::atomic<std::uint64_t> given{0};  ///< written by the owner, read by any
    std::atomic<std::uint64_t> last{0};
    const void* whose = nullptr;  ///< who counts with them [owner]
  };
  Numbers numbers;
  /// A message went from here to a cell that lives elsewhere. [owner]
  void count_sent_afar() noexcept { sent_afar_.store(sent_afar() + 1, std::memory_order_relaxed); }
  /// How many did, since the start. [any]
  [[nodiscard]] std::uint64_t sent_afar() const noexcept {
    return sent_afar_.load(std::memory_order_relaxed);
  }
  /// Cells that were woken from here, since the start. [owner]
  std::uint64_t woken = 0;

 private:
  [[nodiscard]] static bool has_membarrier() noexcept;
  void seize() noexcept;
  void give_back() noexcept;
  [[nodiscard]] bool lend() noexcept;
  void take_back() noexcept;

  static inline constinit thread_local Home* here_ = nullptr;

  RunQueue* ready_ = nullptr;
  std::atomic<std::uint64_t> sent_afar_{0};

  enum class Activity : std::uint8_t { works, rests, is_lent };
  std::atomic<Activity> activity_{Activity::works};
  std::atomic<bool> is_inside_{false};  // written by the owner
  // Written with mutex_ held. Where there is no barrier, always: each Guard takes the mutex.
  std::atomic<bool> is_seized_{!has_membarrier()};
  bool is_evicted_ = false;  // guarded by mutex_
  std::mutex mutex_;
};

}  // namespace backstage
