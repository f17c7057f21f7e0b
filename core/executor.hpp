/// Executor and Alarm: the engine's only doors to threads.
#pragma once
#include "core/clock.hpp"
#include "core/fwd.hpp"

namespace backstage {

/// Runs cells. Production: WorkerPool for hosted actors, the gateway's loop for clients. Tests: a
/// seeded single thread.
class Executor {
 public:
  virtual ~Executor() = default;
  /// Where a new cell that it will run is to live. Null: nowhere, its mailbox has a lock. [any]
  [[nodiscard]] virtual Home* home() noexcept { return nullptr; }
  /// The cell has work: call Cell::drain once, soon, on a thread of yours (the owner of its home).
  /// A cell without a home is posted once and not again before that drain has returned, so it never
  /// runs twice at a time; one with a home may be posted at any time, and says itself whether it is
  /// to run (Cell::post_at). Must not call back into the engine and must not throw. [any]
  virtual void post(Cell& cell) noexcept = 0;
  /// The cell's life is over and this is its last turn: it is not posted again in this life. Called
  /// before its slot is given free. Must not call back into the engine. [any]
  virtual void retired(Cell& cell) noexcept { (void)cell; }

  /// The one that runs its cells on this thread and nowhere else, so that they may hear a publish
  /// of this thread at once (Actor::hear_now). Null: none does. [any]
  [[nodiscard]] static const Executor* here() noexcept { return here_; }

 protected:
  /// [the thread in question]
  static void set_here(const Executor* executor) noexcept { here_ = executor; }

 private:
  static inline constinit thread_local const Executor* here_ = nullptr;
};

/// Gives a cell an executor of its own. Production: PinnedThreads.
class Executors {
 public:
  virtual ~Executors() = default;
  /// For one cell more, until Executor::retired. Null: there are as many as may be. [any]
  [[nodiscard]] virtual Executor* claim() noexcept = 0;
  /// Gives back what was claimed for a cell that did not come to be. [any]
  virtual void unclaim(Executor& executor) noexcept = 0;
};

/// Told when the engine's earliest timer changes to an earlier one.
class Alarm {
 public:
  virtual ~Alarm() = default;
  /// Engine::fire_due should be called at `when` or soon after. [any]
  virtual void wake_at(TimePoint when) noexcept = 0;
};

}  // namespace backstage
