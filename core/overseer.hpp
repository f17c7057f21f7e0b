/// Overseer: the thread that looks for turns over their budget. Sleeps while no turn runs.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "core/hung_turn.hpp"

namespace backstage {

/// What one look at the turns brought to light.
struct Findings {
  bool is_busy = false;  ///< a turn runs: look again
  std::vector<HungTurn> hung;
  std::vector<HungTurn> returned;
  bool is_short = false;  ///< since this look
  std::uint32_t able = 0;
  std::uint32_t wanted = 0;
};

/// An owner of threads that run turns.
class TurnSource {
 public:
  virtual ~TurnSource() = default;
  /// Looks at each turn, under the lock under which they begin and end. [overseer]
  virtual void look(TimePoint now, Findings& findings) = 0;
};

class Overseer {
 public:
  /// Both outlive it.
  Overseer(const Clock& clock, HungHandler& handler) : clock_(clock), handler_(handler) {}
  /// Stops.
  ~Overseer();
  Overseer(const Overseer&) = delete;
  Overseer& operator=(const Overseer&) = delete;

  /// Looks every `tick` while a turn runs: a turn is told of at its budget or up to two ticks
  /// later. [main] once.
  void start(Duration tick);
  /// Joins; waits for a call of the handler that is under way. Idempotent. [main]
  void stop();

  /// One look at every source; the handler is told before it returns. [any] not from the handler
  void look();
  /// For sources: between their construction and their end. [any]
  void add(TurnSource& source);
  void remove(TurnSource& source);
  /// For sources: a turn begins or, told of as hung, has ended; under the lock that their look
  /// takes. One load while the thread is up. [any]
  void on_turn() noexcept {
    if (!is_up_.load(std::memory_order_relaxed)) wake();
  }
  void on_thread() noexcept { handler_.thread_begins(); }

 private:
  void run(Duration tick);
  [[nodiscard]] bool look_and_tell();
  void wake() noexcept;

  const Clock& clock_;
  HungHandler& handler_;
  std::mutex look_mutex_;             // one look at a time; before the sources' own
  std::vector<TurnSource*> sources_;  // guarded by look_mutex_

  // A leaf: taken under the sources' locks.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> is_up_{true};  // written under mutex_
  bool stopping_ = false;          // guarded by mutex_
  std::thread thread_;
};

}  // namespace backstage
