/// RunQueue: the cells of one home that have work, and which is next.
///
/// First come, first served, but for the one that was woken last: it goes first, a few times in a
/// row, because what it needs is still in the cache (a request and its answer, a token on its way).
#pragma once
#include <atomic>
#include <cstdint>
#include <utility>

#include "core/cell.hpp"

namespace backstage {

/// All of it in a Guard or a Seizure of its home, but for what says [any].
class RunQueue {
 public:
  /// So often the one woken last goes first; then the one that has waited longest.
  static constexpr std::uint32_t hot_runs_max = 64;

  /// Behind all others.
  void push(Cell& cell) noexcept {
    cell.next_ready = nullptr;
    (last_ == nullptr ? first_ : last_->next_ready) = &cell;
    last_ = &cell;
    count(pushed_);
  }
  /// Next, and who would have been next behind all others.
  void push_hot(Cell& cell) noexcept {
    if (Cell* const before = std::exchange(hot_, &cell); before != nullptr) push(*before);
  }
  /// Null: there is none.
  [[nodiscard]] Cell* pop() noexcept {
    if (hot_ != nullptr && (first_ == nullptr || hot_runs_ < hot_runs_max)) {
      ++hot_runs_;
      return std::exchange(hot_, nullptr);
    }
    hot_runs_ = 0;
    return pop_first();
  }
  /// The one that has waited longest. Null: none waits.
  [[nodiscard]] Cell* pop_first() noexcept {
    Cell* const cell = first_;
    if (cell == nullptr) return nullptr;
    first_ = cell->next_ready;
    if (first_ == nullptr) {
      last_ = nullptr;
    } else {
      first_->prefetch();
    }
    count(popped_);
    return cell;
  }

  /// How many came to wait since the start, and how many do no longer. [any]
  [[nodiscard]] std::uint64_t pushed() const noexcept {
    return pushed_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t popped() const noexcept {
    return popped_.load(std::memory_order_relaxed);
  }

 private:
  static void count(std::atomic<std::uint64_t>& counter) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  Cell* hot_ = nullptr;
  Cell* first_ = nullptr;
  Cell* last_ = nullptr;
  std::uint32_t hot_runs_ = 0;
  std::atomic<std::uint64_t> pushed_{0};
  std::atomic<std::uint64_t> popped_{0};
};

}  // namespace backstage
