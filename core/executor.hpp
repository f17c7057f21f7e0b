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
  /// The cell has work: call Cell::drain once, soon, on a thread of yours. A cell is posted once
  /// and not again before that drain has returned, so it never runs twice at a time. Must not call
  /// back into the engine and must not throw. [any]
  virtual void post(Cell& cell) noexcept = 0;
  /// The cell's life is over: the turn that calls this is its last. [executor]
  virtual void retired(Cell&) noexcept {}
};

/// Told when the engine's earliest timer changes to an earlier one.
class Alarm {
 public:
  virtual ~Alarm() = default;
  /// Engine::fire_due should be called at `when` or soon after. [any]
  virtual void wake_at(TimePoint when) noexcept = 0;
};

}  // namespace backstage
