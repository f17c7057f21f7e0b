/// Deadlines: when the requests of all clients are over, without a timer of the engine's for each.
///
/// Most ask with the same patience, so that deadlines come in their order: a queue, of which nearly
/// all are answered before their turn comes. One that comes out of order is not taken.
#pragma once
#include <cstdint>
#include <vector>

#include "core/clock.hpp"
#include "core/engine.hpp"
#include "core/ids.hpp"

namespace backstage::gateway {

/// All of it is [gateway].
class Deadlines {
 public:
  /// Whether one at that time may be added now.
  [[nodiscard]] bool takes(TimePoint at) const noexcept {
    return kept() == 0 || at >= queue_.back().at;
  }
  /// A number to forget it by, never 0. `takes(at)`.
  [[nodiscard]] std::uint64_t add(TimePoint at, RequestRef request);
  /// It is answered. Nothing happens for 0, or for one that is over.
  void forget(std::uint64_t number) noexcept;
  /// When to call on_time: never too late, rarely too early.
  [[nodiscard]] TimePoint due() const noexcept { return due_; }
  /// Answers those whose time has come with a timeout.
  void on_time(TimePoint now, Engine& engine);
  /// With those that are answered and not let go of yet.
  [[nodiscard]] std::size_t kept() const noexcept { return queue_.size() - first_; }

 private:
  struct Entry {
    TimePoint at;
    RequestRef request;
    std::uint64_t number;
    bool is_over;
  };
  [[nodiscard]] Entry* find(std::uint64_t number) noexcept;
  void let_go() noexcept;

  // By number, and so by time. What is before `first_` is gone; that one is not over.
  std::vector<Entry> queue_;
  std::size_t first_ = 0;
  std::size_t open_ = 0;
  std::uint64_t last_number_ = 0;
  TimePoint due_ = never;  // told once: it does not move with every answer
};

}  // namespace backstage::gateway
