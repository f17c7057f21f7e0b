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
  patience_.on_look();
  for (const auto& worker : workers_) {
    if (!worker->is_served.load(std::memory_order_relaxed)) continue;
    worker->watch.look(worker->load());
    is_any_waiting |= worker->watch.has_waiting();
    is_any_behind |= worker->watch.is_behind(patience_.looks());
  }
  undo_harm();
  if (is_any_behind) call_for_help();
  return is_any_waiting || is_any_behind;
}

// [timekeeper] With mutex_ held.
void WorkerPool::call_for_help() {
  for (const auto& worker : workers_) {
    if (!worker->parking.is_parked()) continue;
    worker->call.store(Worker::Call::steal, std::memory_order_relaxed);
    patience_.on_help();
    return worker->parking.wake();
  }
}

// [timekeeper] With mutex_ held. One that is parked has nothing to give back.
void WorkerPool::undo_harm() {
  bool is_any_torn = false;
  for (const auto& worker : workers_) {
    Worker* const from = worker->stole_from.load(std::memory_order_relaxed);
    if (from == nullptr || (!worker->watch.is_torn() && !from->watch.is_torn())) continue;
    is_any_torn = true;
    if (worker->parking.is_parked()) continue;
    worker->call.store(Worker::Call::give_back, std::memory_order_relaxed);
  }
  if (is_any_torn) patience_.on_harm();
}

void WorkerPool::obey(Worker& here) noexcept {
  const auto call = here.call.exchange(Worker::Call::none, std::memory_order_relaxed);
  if (call == Worker::Call::none) return;
  here.gives_back = call == Worker::Call::give_back;
  if (!here.gives_back) return steal(here);
  give_back(here);
}

// Half of what waits with each of the others. Each costs some microseconds, however much it brings.
void WorkerPool::steal(Worker& here) noexcept {
  Cell* taken = nullptr;
  Cell* elsewhere = nullptr;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& worker : workers_) {
      if (worker.get() == &here || !worker->is_served.load(std::memory_order_relaxed)) continue;
      if (worker->queue.pushed() == worker->queue.popped() && !worker->has_told()) continue;
      const Home::Seizure seizure(*worker);
      take_from(*worker, here, taken, elsewhere);
      here.stole_from.store(worker.get(), std::memory_order_relaxed);
    }
  }
  tell_again(elsewhere);
  const Home::Guard guard(here);
  while (taken != nullptr) here.queue.push(*std::exchange(taken, taken->next_ready));
}

// All that waits here goes where the last theft was; what sleeps here follows when it is woken.
void WorkerPool::give_back(Worker& here) noexcept {
  Worker* const to = here.stole_from.load(std::memory_order_relaxed);
  Cell* given = nullptr;
  {
    const Home::Guard guard(here);
    if (here.is_evicted()) return;
    Cell** last = &given;
    while (Cell* const cell = here.queue.pop()) {
      if (cell->mailbox().home() != nullptr) cell->move_to(*to);
      cell->next_ready = nullptr;
      *last = cell;
      last = &cell->next_ready;
    }
  }
  if (given == nullptr) return;
  bool is_evicted = false;
  {
    const Home::Seizure seizure(*to);
    is_evicted = to->is_evicted();
    while (given != nullptr) {
      Cell& cell = *std::exchange(given, given->next_ready);
      if (is_evicted) {
        spill(cell, false);
      } else {
        to->queue.push(cell);
      }
    }
  }
  if (is_evicted) {
    wake_one();
  } else {
    to->parking.wake();
  }
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
  worker.queue.share(taken_max, take);
}

}  // namespace backstage
