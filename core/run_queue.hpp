/// RunQueue: the cells of one home that have work, and which is next.
///
/// First come, first served, with two exceptions. The one that was woken last goes first, a few
/// times in a row, because what it needs is still in the cache (a request and its answer, a token
/// on its way). And of those that begin their lives the newest goes first: a tree of actors is
/// walked into its depth, so that few of it are alive at a time.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <utility>

#include "core/cell.hpp"

namespace backstage {

/// All of it in a Guard or a Seizure of its home, but for what says [any].
class RunQueue {
 public:
  /// So often the one woken last goes first; then one that waits.
  static constexpr std::uint32_t hot_runs_max = 64;
  /// So often one that begins goes before those that have waited longest.
  static constexpr std::uint32_t beginners_in_a_row_max = 64;
  /// So many beginners run, and then those that still wait to begin are like any other: what goes
  /// on spawning for ever starves nobody.
  static constexpr std::uint32_t beginners_max = 4096;
  /// Of more beginners than these a thief leaves the newest, and takes from the others.
  static constexpr std::uint32_t kept_max = 64;
  static constexpr std::uint32_t walked_max = 512;

  /// Behind all others.
  void push(Cell& cell) noexcept {
    count(pushed_);
    append(cell, cell);
  }
  /// Next, and who would have been next behind all others.
  void push_hot(Cell& cell) noexcept {
    if (Cell* const before = std::exchange(hot_, &cell); before != nullptr) push(*before);
  }
  /// Its life begins: before all that wait.
  void push_beginner(Cell& cell) noexcept {
    count(pushed_);
    if (newest_ == nullptr) set_oldest(&cell);
    cell.next_ready = std::exchange(newest_, &cell);
    ++beginners_;
  }
  /// Null: there is none.
  [[nodiscard]] Cell* pop() noexcept {
    if (hot_ != nullptr && (hot_runs_ < hot_runs_max || !has_waiting())) {
      ++hot_runs_;
      return std::exchange(hot_, nullptr);
    }
    hot_runs_ = 0;
    if (newest_ == nullptr) [[likely]]
      return pop_first();
    return pop_beginner();
  }
  /// Gives `take` every second one that waits, the oldest first, at most `count_max`: of a tree of
  /// actors half of the boughs and half of the twigs.
  template <class Take>
  void share(std::uint64_t count_max, const Take& take) noexcept {
    if (beginners_ > walked_max) age_beginners(kept_max);
    const auto given = [&](Cell& cell) {
      count(popped_);
      --count_max;
      take(cell);
    };
    last_ = thin_out(first_, last_, true, count_max, given);
    std::uint32_t left = beginners_;
    // The oldest is the last of them.
    Cell* const kept = thin_out(newest_, oldest_, beginners_ % 2 == 1, count_max, [&](Cell& cell) {
      --left;
      given(cell);
    });
    beginners_ = left;
    set_oldest(kept);
  }

  [[nodiscard]] bool empty() const noexcept { return hot_ == nullptr && !has_waiting(); }
  /// How many came to wait since the start, and how many do no longer. [any]
  [[nodiscard]] std::uint64_t pushed() const noexcept {
    return pushed_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t popped() const noexcept {
    return popped_.load(std::memory_order_relaxed);
  }
  /// Tells the beginner that has waited longest from those before and after it. 0: there is none.
  /// [any]
  [[nodiscard]] std::uint64_t oldest_beginner() const noexcept {
    return oldest_number_.load(std::memory_order_relaxed);
  }

 private:
  static void count(std::atomic<std::uint64_t>& counter) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  [[nodiscard]] bool has_waiting() const noexcept {
    return first_ != nullptr || newest_ != nullptr;
  }
  void append(Cell& first, Cell& last) noexcept {
    last.next_ready = nullptr;
    (last_ == nullptr ? first_ : last_->next_ready) = &first;
    last_ = &last;
  }
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
  [[nodiscard]] Cell* pop_beginner() noexcept {
    if (++beginners_run_ % beginners_max == 0) age_beginners(0);
    if (newest_ == nullptr || (first_ != nullptr && beginners_run_ % beginners_in_a_row_max == 0)) {
      return pop_first();
    }
    Cell* const cell = newest_;
    newest_ = cell->next_ready;
    if (newest_ == nullptr) set_oldest(nullptr);
    --beginners_;
    count(popped_);
    return cell;
  }
  // All but the `kept` newest wait from now on like any other.
  void age_beginners(std::uint32_t kept) noexcept {
    if (kept >= beginners_) return;
    Cell** cut = &newest_;
    for (std::uint32_t i = 0; i < kept; ++i) cut = &(*cut)->next_ready;
    append(*std::exchange(*cut, nullptr), *oldest_);
    Cell* oldest = nullptr;
    for (Cell* cell = newest_; cell != nullptr; cell = cell->next_ready) oldest = cell;
    set_oldest(oldest);
    beginners_ = kept;
  }

  void set_oldest(Cell* cell) noexcept {
    oldest_ = cell;
    oldest_number_.store(cell == nullptr ? 0 : pushed(), std::memory_order_relaxed);
  }
  // Unlinks every second of a list, while `left` is not 0. Returns the last one of it then.
  template <class Take>
  static Cell* thin_out(Cell*& list, Cell* last, bool takes_first, const std::uint64_t& left,
                        const Take& take) noexcept {
    Cell* kept = nullptr;
    Cell** at = &list;
    for (bool takes = takes_first; *at != nullptr && left > 0; takes = !takes) {
      Cell& cell = **at;
      if (takes) {
        *at = cell.next_ready;
        take(cell);
      } else {
        kept = &cell;
        at = &cell.next_ready;
      }
    }
    return *at == nullptr ? kept : last;
  }

  Cell* hot_ = nullptr;
  Cell* first_ = nullptr;
  Cell* last_ = nullptr;
  std::uint32_t hot_runs_ = 0;
  std::uint32_t beginners_run_ = 0;
  std::uint32_t beginners_ = 0;
  Cell* newest_ = nullptr;
  Cell* oldest_ = nullptr;  // of the beginners
  std::atomic<std::uint64_t> pushed_{0};
  std::atomic<std::uint64_t> popped_{0};
  std::atomic<std::uint64_t> oldest_number_{0};
};

inline bool Home::take_up(Cell& cell) noexcept {
  if (ready_ == nullptr || is_evicted_) [[unlikely]]
    return false;
  ready_->push_hot(cell);
  ++woken;
  return true;
}

}  // namespace backstage
