/// LateWakes: workers that a thread wakes when it has nothing more to do itself.
///
/// Where the process has a single core, a worker that is woken takes it from the thread that woke
/// it, message after message. A thread that works in bursts, as the gateway's does, keeps one of
/// these: who has work from it is woken at the burst's end, for all of it. With more cores every
/// wake is at once.
#pragma once
#include <array>
#include <cstddef>

namespace backstage {

class Parking;

/// All of it is for the thread that made it.
class LateWakes {
 public:
  /// From here to the end of this object the thread calls wake_all() before it waits.
  LateWakes() noexcept { here_ = this; }
  ~LateWakes() {
    here_ = nullptr;
    wake_all();
  }
  LateWakes(const LateWakes&) = delete;
  LateWakes& operator=(const LateWakes&) = delete;

  /// Null: this thread wakes at once. [any]
  [[nodiscard]] static LateWakes* here() noexcept { return here_; }
  /// False: there is no room; it is to be woken now. Else it lives until wake_all().
  [[nodiscard]] bool add(Parking& sleeper) noexcept;
  void wake_all() noexcept;

 private:
  static inline constinit thread_local LateWakes* here_ = nullptr;
  // Enough for one core.
  std::array<Parking*, 8> sleepers_{};
  std::size_t count_ = 0;
};

}  // namespace backstage
