/// HungTurn: a turn over its budget, who is told of it, and the record by which it is noticed.
#pragma once
#include <pthread.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/actor.hpp"
#include "core/clock.hpp"
#include "core/fwd.hpp"
#include "core/name_ref.hpp"

namespace backstage {

/// A turn that has not ended within its budget. A copy, but for the thread.
struct HungTurn {
  std::string actor;
  std::string type;  ///< "client" for the daemon's own
  /// The kind of the message in hand (`send`), or the phase it hangs in (`starting`, `stopping`).
  std::string_view doing;
  Duration lasting{};  ///< at least: since it was first seen
  pthread_t thread{};
  bool is_pinned = false;
};

/// Told of hung turns by the overseer's thread, one call at a time, with no engine lock held.
class HungHandler {
 public:
  virtual ~HungHandler() = default;
  /// Once a turn. `turn.thread` can be signalled until this returns: return within half a second.
  virtual void hung(const HungTurn& turn) noexcept = 0;
  /// A turn told of as hung has ended after all. Its thread may be gone.
  virtual void returned(const HungTurn& turn) noexcept = 0;
  /// More turns hang than spare workers may stand in for. Once, until the pool has its strength.
  virtual void short_of_workers(std::uint32_t able, std::uint32_t wanted) noexcept = 0;
  /// First of all on each new thread that will run turns. [that thread]
  virtual void thread_begins() noexcept {}
};

/// The turn a thread is in. Guarded by a mutex of the thread's owner. Costs a turn no clock: the
/// overseer's looks tell how long it lasts.
class TurnRecord {
 public:
  void begin(const Cell& cell) noexcept {
    cell_ = &cell;
    ++number_;
  }
  void end() noexcept {
    cell_ = nullptr;
    is_hung_ = false;
  }
  /// The cell's life is over: the turn counts as ended, and its name is not ours to read any more.
  void on_retired(const Cell& cell) noexcept;

  /// The turn, if it was seen running for its budget and not told of yet; it is hung from then on.
  [[nodiscard]] std::optional<HungTurn> look(TimePoint now);
  /// Of one that is running, or hung.
  [[nodiscard]] HungTurn describe(TimePoint now) const;
  [[nodiscard]] bool is_running() const noexcept { return cell_ != nullptr; }
  [[nodiscard]] bool is_hung() const noexcept { return is_hung_; }

 private:
  [[nodiscard]] Duration budget() const noexcept;

  const Cell* cell_ = nullptr;
  std::uint64_t number_ = 0;
  std::uint64_t seen_ = 0;  // number of the turn the last look saw
  TimePoint seen_at_{};
  bool is_hung_ = false;
  // Of a hung turn whose cell has retired
  NameRef retired_name_;
  ActorTypePtr retired_type_;
};

}  // namespace backstage
