/// Worker: one thread of the pool, the home it owns, and the cells that wait there. The pool's own.
#pragma once
#include <atomic>
#include <cstdint>
#include <thread>
#include <utility>

#include "core/balance.hpp"
#include "core/hung_turn.hpp"
#include "core/parking.hpp"
#include "core/run_queue.hpp"

namespace backstage {

struct Worker : Home {
  Worker() noexcept { set_ready(queue); }

  /// Tells its owner of a cell that lives here: onto a list that the owner takes whole. [any]
  void tell(Cell& cell) noexcept {
    Cell* head = told.load(std::memory_order_relaxed);
    do {
      cell.next_told = head;
      // Releases next_told to take_told. Sequentially consistent with parking and is_served:
      // either the owner sees the cell before it sleeps, or this thread sees that it does.
    } while (!told.compare_exchange_weak(head, &cell, std::memory_order_seq_cst));
  }
  /// Those told of since, the first one first, linked by next_told. [in a Guard or a Seizure]
  [[nodiscard]] Cell* take_told() noexcept {
    Cell* in_order = nullptr;
    for (Cell* cell = told.exchange(nullptr, std::memory_order_acquire); cell != nullptr;) {
      Cell* const next = std::exchange(cell->next_told, in_order);
      in_order = std::exchange(cell, next);
    }
    return in_order;
  }
  [[nodiscard]] bool has_told() const noexcept {
    return told.load(std::memory_order_seq_cst) != nullptr;
  }

  [[nodiscard]] WorkerLoad load() const noexcept {
    return {queue.pushed(), queue.popped(),          turns.load(std::memory_order_relaxed),
            sent_afar(),    queue.oldest_beginner(), has_told()};
  }

  // In a Guard or a Seizure
  RunQueue queue;
  TurnRecord turn;

  bool gives_back = false;  ///< whatever is to run here, until it parks [owner]

  // [any]
  alignas(64) std::atomic<Cell*> told{nullptr};
  Parking parking;
  std::atomic<bool> is_served{true};  ///< false: its thread hangs, or is gone
  /// What the timekeeper wants of it.
  enum class Call : std::uint8_t {
    none,
    steal,      ///< others have more than they can do
    give_back,  ///< what it stole talks too much with those it was taken from
  };
  std::atomic<Call> call{Call::none};
  std::atomic<std::uint64_t> turns{0};       ///< ended since the start; written by the owner
  std::atomic<Worker*> stole_from{nullptr};  ///< last; written by the owner

  LoadWatch watch;  // the timekeeper's

  // Guarded by the pool's mutex
  std::thread thread;
  bool has_left = false;
  bool is_surplus = false;
};

}  // namespace backstage
