/// WorkerPool: the threads that run hosted actors, and the clock they live by.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/balance.hpp"
#include "core/clock.hpp"
#include "core/executor.hpp"
#include "core/hung_turn.hpp"
#include "core/overseer.hpp"
#include "core/timekeeper.hpp"

namespace backstage {

struct Worker;

/// CLOCK_MONOTONIC.
class MonotonicClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const noexcept override;
  [[nodiscard]] TimePoint about_now() const noexcept override;
};

/// What a watchdog wants to know. A copy.
struct PoolPulse {
  std::uint64_t turns = 0;         ///< ended since the start
  std::uint64_t timer_rounds = 0;  ///< fire_due calls that returned
  bool is_idle = false;            ///< a worker waits for work
  bool is_timer_due = false;       ///< fire_due runs, or should
};

/// Each worker has a home and a run queue of its own; cells stay where they are, next to those they
/// talk with, until their worker is behind: then a resting one comes and takes half of what waits,
/// and gives it back if it is seen that the two halves talk more than they work.
/// A cell woken by a running worker moves there if its own worker rests. With an overseer, what
/// lives with a worker whose turn is over its budget moves to others as it is needed, and a spare
/// worker stands in, so that as many as were asked for stay able to run.
class WorkerPool final : public Executor, public Alarm, private TurnSource {
 public:
  using FireDue = Timekeeper::FireDue;

  /// Both outlive it. Without an overseer no turn is ever hung.
  explicit WorkerPool(const Clock& clock, Overseer* overseer = nullptr);
  /// Stops and joins, for as long as that takes.
  ~WorkerPool() override;
  /// Starts `workers` threads (at least 1); spare ones come and go. `cpus` names the ones they are
  /// bound to, in turn; none: wherever the system likes. [main] once.
  void start(std::uint32_t workers, FireDue fire_due,
             std::uint32_t spares_max = spare_workers_default, std::vector<unsigned> cpus = {});
  /// Lets each worker finish its turn, then joins. Posted cells stay unrun. [main]
  void stop();
  /// As stop, for at most `within`. Returns the turns that have not ended (one without an actor:
  /// timers are being fired). If there are any, their threads are left to run: leave by _exit, or
  /// call stop again before what they use goes. [main]
  [[nodiscard]] std::vector<HungTurn> stop(Duration within);

  [[nodiscard]] Home* home() noexcept override;
  void post(Cell& cell) noexcept override;
  void retired(Cell& cell) noexcept override;
  void wake_at(TimePoint when) noexcept override { timekeeper_.wake_at(when); }

  [[nodiscard]] PoolPulse pulse() const;  // [any]
  /// Threads that run actors now, spare ones included. [any]
  [[nodiscard]] std::size_t threads() const;

 private:
  using Lock = std::unique_lock<std::mutex>;

  // Posting (worker_pool.cpp)
  [[nodiscard]] Worker* self() const noexcept;
  void post_from(Worker& here, Cell& cell) noexcept;
  static void take_up(Worker& here, Cell& cell) noexcept;
  void post_from_afar(Cell& cell) noexcept;
  [[nodiscard]] bool adopt(Worker& here, Cell& cell) noexcept;
  void tell(Worker& owner, Cell& cell) noexcept;
  void tell_owner(Cell& cell) noexcept;
  void spill(Cell& cell, bool is_told) noexcept;
  void tell_again(Cell* cells) noexcept;
  static void wake_soon(Worker& worker) noexcept;
  void wake_one() noexcept;
  void wake_one_parked() noexcept;  // with mutex_ held

  // Running
  void work(Worker& here, const std::string& name, std::size_t number);
  void bind(std::size_t number) const noexcept;
  [[nodiscard]] Cell* next(Worker& here) noexcept;
  void run(Worker& here, Cell& cell);
  void take_told(Worker& here) noexcept;
  void take_spilled(Worker& here) noexcept;
  void rest(Worker& here) noexcept;
  [[nodiscard]] bool is_called(const Worker& here) const noexcept;
  [[nodiscard]] static bool has_queued(Worker& here) noexcept;
  void park(Worker& here) noexcept;

  // Balance (worker_pool_balance.cpp)
  void watch() noexcept {
    if (has_peers_) timekeeper_.watch();
  }
  [[nodiscard]] bool look_for_waiting();
  void call_for_help();
  void undo_harm();
  void obey(Worker& here) noexcept;
  void steal(Worker& here) noexcept;
  void give_back(Worker& here) noexcept;
  static void take_from(Worker& worker, Worker& here, Cell*& taken, Cell*& elsewhere) noexcept;

  // Hung turns, and the end (worker_pool_hung.cpp)
  void look(TimePoint now, Findings& findings) override;
  void evict(Worker& worker);  // in a Seizure of it, with mutex_ held
  void empty(Worker& worker);  // in a Seizure of it
  void on_returned(Worker& here);
  void keep_strength(Findings& findings);
  void add_worker(std::string_view kind);
  [[nodiscard]] bool try_add_spare() noexcept;
  [[nodiscard]] std::vector<std::thread> take_left();
  [[nodiscard]] Worker& vacant();
  void call_all_in();
  [[nodiscard]] std::size_t able() const noexcept { return living_ - hung_; }

  const Clock& clock_;
  Overseer* const overseer_;
  Timekeeper timekeeper_;
  std::vector<unsigned> cpus_;
  bool has_peers_ = false;
  Patience patience_;  // the timekeeper's

  std::atomic<Worker*> front_{nullptr};  // for who comes from outside
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint32_t> parked_{0};
  std::atomic<std::uint32_t> spinning_{0};
  std::atomic<std::size_t> spilled_count_{0};
  struct Spilled {  // its home has no owner
    Cell* cell;
    bool is_told;  // its owner is still to be told of it; else it is to be run
  };
  std::mutex spilled_mutex_;     // a leaf
  std::deque<Spilled> spilled_;  // guarded by spilled_mutex_

  mutable std::mutex mutex_;  // before the homes' own
  std::condition_variable left_;
  // Guarded by mutex_
  std::vector<std::unique_ptr<Worker>> workers_;  // never fewer: cells live there
  std::vector<HungTurn> returned_;
  bool is_told_short_ = false;
  std::size_t wanted_ = 0;
  std::size_t spares_max_ = 0;
  std::size_t living_ = 0;
  std::size_t hung_ = 0;
  std::uint64_t made_ = 0;
};

}  // namespace backstage
