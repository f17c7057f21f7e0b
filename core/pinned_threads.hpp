/// PinnedThreads: a thread for each actor of Dispatcher::pinned, from its first turn to its last.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "core/executor.hpp"
#include "core/hung_turn.hpp"
#include "core/overseer.hpp"

namespace backstage {

/// Each executor it gives is one thread, made by claim and ended by retired or unclaim. An actor
/// that blocks holds up nobody else; it counts until its thread has ended.
class PinnedThreads final : public Executors, private TurnSource {
 public:
  /// Both outlive it. Without an overseer no turn is ever hung.
  PinnedThreads(const Clock& clock, std::uint32_t threads_max, Overseer* overseer = nullptr);
  /// Stops and joins, for as long as that takes.
  ~PinnedThreads() override;

  [[nodiscard]] Executor* claim() noexcept override;
  void unclaim(Executor& executor) noexcept override;

  /// Lets each thread finish its turn, then joins; as WorkerPool::stop. [main]
  void stop();
  [[nodiscard]] std::vector<HungTurn> stop(Duration within);

  /// Threads there are now. [any]
  [[nodiscard]] std::size_t threads() const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  class Thread final : public Executor {
   public:
    explicit Thread(PinnedThreads& owner) : owner_(owner) {}
    void post(Cell& cell) noexcept override;
    void retired(Cell& cell) noexcept override;
    void run();

    // Guarded by the owner's mutex
    std::thread thread;
    TurnRecord turn;
    bool is_ending = false;
    bool has_left = false;
    std::condition_variable changed;

   private:
    void run_turn(Lock& lock);

    PinnedThreads& owner_;
    Cell* posted_ = nullptr;  // guarded by the owner's mutex
    bool is_named_ = false;   // its own thread's
  };

  void look(TimePoint now, Findings& findings) override;
  [[nodiscard]] std::vector<std::thread> take_left();
  void end_all();

  const Clock& clock_;
  const std::uint32_t threads_max_;
  Overseer* const overseer_;
  mutable std::mutex mutex_;
  std::condition_variable left_;
  // Guarded by mutex_
  std::vector<std::unique_ptr<Thread>> threads_;
  std::vector<HungTurn> returned_;
  std::size_t living_ = 0;
  bool stopping_ = false;
};

}  // namespace backstage
