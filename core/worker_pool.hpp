/// WorkerPool: the threads that run hosted actors, and the clock they live by.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "core/executor.hpp"
#include "core/hung_turn.hpp"
#include "core/overseer.hpp"

namespace backstage {

/// CLOCK_MONOTONIC.
class MonotonicClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const noexcept override;
};

/// What a watchdog wants to know. A copy.
struct PoolPulse {
  std::uint64_t turns = 0;         ///< ended since the start
  std::uint64_t timer_rounds = 0;  ///< fire_due calls that returned
  bool is_idle = false;            ///< a worker waits for work
  bool is_timer_due = false;       ///< fire_due runs, or should
};

/// One run queue for all workers; a worker that has nothing to run waits for work or for the next
/// timer. Cells are run in the order they were posted. With an overseer, a spare worker stands in
/// for each whose turn is over its budget, and as many workers as were asked for stay able to run.
class WorkerPool final : public Executor, public Alarm, private TurnSource {
 public:
  /// Fires what is due at the given time and returns when the next is (Engine::fire_due).
  using FireDue = std::function<TimePoint(TimePoint)>;

  /// Both outlive it. Without an overseer no turn is ever hung.
  explicit WorkerPool(const Clock& clock, Overseer* overseer = nullptr);
  /// Stops and joins, for as long as that takes.
  ~WorkerPool() override;
  /// Starts `workers` threads (at least 1); spare ones come and go. [main] once.
  void start(std::uint32_t workers, FireDue fire_due,
             std::uint32_t spares_max = spare_workers_default);
  /// Lets each worker finish its turn, then joins. Posted cells stay unrun. [main]
  void stop();
  /// As stop, for at most `within`. Returns the turns that have not ended (one without an actor:
  /// timers are being fired). If there are any, their threads are left to run: leave by _exit, or
  /// call stop again before what they use goes. [main]
  [[nodiscard]] std::vector<HungTurn> stop(Duration within);

  void post(Cell& cell) noexcept override;
  void retired(Cell& cell) noexcept override;
  void wake_at(TimePoint when) noexcept override;

  [[nodiscard]] PoolPulse pulse() const;  // [any]
  /// Threads there are now, spare ones included. [any]
  [[nodiscard]] std::size_t threads() const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  struct Worker {
    std::thread thread;
    TurnRecord turn;
    bool is_surplus = false;  // a spare one took its place meanwhile
    bool has_left = false;
  };

  void look(TimePoint now, Findings& findings) override;
  void keep_strength(Findings& findings);
  void add_worker(std::string_view kind);
  [[nodiscard]] bool try_add_spare() noexcept;
  [[nodiscard]] std::vector<std::thread> take_left();
  [[nodiscard]] std::vector<HungTurn> still_running() const;
  void work(Worker& self, const std::string& name);
  void run_timers(Lock& lock);
  void run_cell(Worker& self, Lock& lock);
  void wait(Lock& lock);
  [[nodiscard]] std::size_t able() const noexcept { return living_ - hung_; }

  const Clock& clock_;
  Overseer* const overseer_;
  FireDue fire_due_;

  mutable std::mutex mutex_;
  std::condition_variable work_there_;
  std::condition_variable left_;
  // Guarded by mutex_
  std::deque<Cell*> runnable_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<HungTurn> returned_;
  TimePoint next_due_ = never;
  bool timers_running_ = false;
  bool stopping_ = false;
  bool is_told_short_ = false;
  std::size_t wanted_ = 0;
  std::size_t spares_max_ = 0;
  std::size_t living_ = 0;
  std::size_t hung_ = 0;
  std::size_t idle_ = 0;
  std::uint64_t made_ = 0;
  std::uint64_t turns_ = 0;
  std::uint64_t timer_rounds_ = 0;
};

}  // namespace backstage
