// WorkerPool's balance: which worker is behind, and how a resting one helps it.
#include <algorithm>
#include <utility>

#include "core/worker.hpp"
#include "core/worker_pool.hpp"

namespace backstage {

// [timekeeper] Returns whether anybody waits.
bool WorkerPool::look_for_waiting() {
  const std::lock_guard lock(mutex_);
  bool is_any_waiting = false;
  bool is_any_behind = false;
  for (const auto& worker : workers_) {
    if (!worker->is_served.load(std::memory_order_relaxed)) continue;
    is_any_waiting |= worker->queue.popped() < worker->queue.pushed() || worker->has_told();
    is_any_behind |= is_behind(*worker);
  }
  if (!is_any_behind) return is_any_waiting;
  for (const auto& worker : workers_) {
    if (!worker->is_parked.load(std::memory_order_seq_cst)) continue;
    worker->must_steal.store(true, std::memory_order_relaxed);
    wake(*worker);
    break;
  }
  return true;
}

// Somebody waits, and the same turn lasts, or the same cells wait, since some looks ago. A moment
// is not enough: what moves to another core is far from those it talks with. Where turns are short
// that costs more than it brings, unless the wait is long.
bool WorkerPool::is_behind(Worker& worker) {
  constexpr std::uint32_t looks_of_a_turn = 2;
  constexpr std::uint32_t looks_of_a_queue = 4;
  constexpr std::uint32_t looks_of_a_long_queue = 40;
  constexpr std::uint64_t short_turns_a_look = 100;  // 5 us each
  const std::uint64_t popped = worker.queue.popped();
  const std::uint64_t turns = worker.turns.load(std::memory_order_relaxed);
  worker.looks_of_turn = turns == worker.seen_turns ? worker.looks_of_turn + 1 : 0;
  worker.seen_turns = turns;
  if (popped >= worker.seen_pushed) {
    worker.seen_pushed = worker.queue.pushed();
    worker.turns_before = turns;
    worker.looks_of_queue = 0;
  } else {
    ++worker.looks_of_queue;
  }
  const bool waits = popped < worker.queue.pushed() || worker.has_told();
  const bool is_short = turns - worker.turns_before > short_turns_a_look * worker.looks_of_queue;
  const std::uint32_t looks = is_short ? looks_of_a_long_queue : looks_of_a_queue;
  return (waits && worker.looks_of_turn >= looks_of_a_turn) || worker.looks_of_queue >= looks;
}

// Half of what waits with each of the others, those that have waited longest. Each costs some
// microseconds, however much it brings.
void WorkerPool::steal(Worker& here) noexcept {
  here.must_steal.store(false, std::memory_order_relaxed);
  Cell* taken = nullptr;
  Cell* elsewhere = nullptr;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& worker : workers_) {
      if (worker.get() == &here || !worker->is_served.load(std::memory_order_relaxed)) continue;
      if (worker->queue.pushed() == worker->queue.popped() && !worker->has_told()) continue;
      const Home::Seizure seizure(*worker);
      take_from(*worker, here, taken, elsewhere);
    }
  }
  tell_again(elsewhere);
  const Home::Guard guard(here);
  while (taken != nullptr) here.queue.push(*std::exchange(taken, taken->next_ready));
}

// Linked by next_ready, which is whose the scheduled cell is; next_told may be in use again at
// once.
void WorkerPool::take_from(Worker& worker, Worker& here, Cell*& taken, Cell*& elsewhere) noexcept {
  constexpr std::uint64_t taken_max = 256;
  Cell** last = &taken;
  while (*last != nullptr) last = &(*last)->next_ready;
  const auto take = [&](Cell& cell) {
    if (cell.mailbox().home() != nullptr) cell.move_to(here);
    cell.next_ready = nullptr;
    *last = &cell;
    last = &cell.next_ready;
  };
  for (Cell* cell = worker.take_told(); cell != nullptr;) {
    Cell* const next = cell->next_told;
    const auto posted = cell->noticed(worker);
    if (posted == Mailbox::Posted::runs) take(*cell);
    if (posted == Mailbox::Posted::elsewhere) cell->next_told = std::exchange(elsewhere, cell);
    cell = next;
  }
  const std::uint64_t waiting = worker.queue.pushed() - worker.queue.popped();
  for (std::uint64_t i = 0; i < std::min((waiting + 1) / 2, taken_max); ++i) {
    take(*worker.queue.pop_old());
  }
}

}  // namespace backstage
