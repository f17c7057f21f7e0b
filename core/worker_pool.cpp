#include "core/worker_pool.hpp"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <string>

#include "core/late_wakes.hpp"
#include "core/worker.hpp"

namespace backstage {
namespace {

constinit thread_local Worker* current = nullptr;
constinit thread_local const WorkerPool* current_pool = nullptr;

// Some 20 us: longer than most waits between a busy engine's messages, shorter than the 30 us that
// it takes to wake a thread on a sleeping core. With one core nobody can bring work meanwhile.
constexpr int spins_max = 1000;

bool look_for_one_cpu() noexcept {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  return ::sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) == 1;
}

// This process may run on no other.
bool has_one_cpu() noexcept {
  static const bool has_one = look_for_one_cpu();
  return has_one;
}

void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

namespace {

TimePoint read(clockid_t clock) noexcept {
  timespec now{};
  ::clock_gettime(clock, &now);
  return TimePoint(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

}  // namespace

TimePoint MonotonicClock::now() const noexcept { return read(CLOCK_MONOTONIC); }
TimePoint MonotonicClock::about_now() const noexcept { return read(CLOCK_MONOTONIC_COARSE); }

// --- Posting

Worker* WorkerPool::self() const noexcept { return current_pool == this ? current : nullptr; }

Home* WorkerPool::home() noexcept {
  Worker* const here = self();
  return here != nullptr ? here : front_.load(std::memory_order_acquire);
}

void WorkerPool::post(Cell& cell) noexcept {
  if (Worker* const here = self(); here != nullptr) {
    post_from(*here, cell);
  } else {
    post_from_afar(cell);
  }
}

void WorkerPool::post_from(Worker& here, Cell& cell) noexcept {
  const bool has_home = cell.mailbox().home() != nullptr;
  for (;;) {
    bool is_evicted = false;
    {
      const Home::Guard guard(here);
      const auto posted = has_home ? cell.post_at(here) : Mailbox::Posted::runs;
      if (posted == Mailbox::Posted::is_known) return;
      if (posted == Mailbox::Posted::runs) {
        is_evicted = here.is_evicted();
        if (!is_evicted) return take_up(here, cell);
      }
    }
    if (is_evicted) {
      spill(cell, false);
      return wake_one();
    }
    if (!adopt(here, cell)) return post_from_afar(cell);
  }
}

// In a Guard.
void WorkerPool::take_up(Worker& here, Cell& cell) noexcept {
  if (cell.phase() == Phase::starting) {
    here.queue.push_beginner(cell);
  } else {
    here.queue.push_hot(cell);
  }
  ++here.woken;
}

// Its own worker rests: to wake that one would take longer than most turns.
bool WorkerPool::adopt(Worker& here, Cell& cell) noexcept {
  Home* const owner = cell.mailbox().home();
  if (owner == nullptr || owner == &here) return owner != nullptr;
  const Home::Loan loan(*owner);
  if (!loan.is_given() || cell.mailbox().home() != owner) return false;
  // It was given back and waits there: that worker runs it, as soon as it is up.
  if (cell.mailbox().is_scheduled()) return false;
  cell.move_to(here);
  return true;
}

void WorkerPool::post_from_afar(Cell& cell) noexcept {
  if (cell.notice()) tell_owner(cell);
}

void WorkerPool::tell_owner(Cell& cell) noexcept {
  Home* const home = cell.mailbox().home();
  Worker* const front = front_.load(std::memory_order_acquire);
  tell(home == nullptr ? *front : static_cast<Worker&>(*home), cell);
}

void WorkerPool::tell(Worker& owner, Cell& cell) noexcept {
  owner.tell(cell);
  if (!owner.is_served.load(std::memory_order_seq_cst)) {
    {
      const Home::Seizure seizure(owner);
      empty(owner);
    }
    wake_one();
  } else if (owner.parking.is_parked()) {
    wake_soon(owner);
  } else {
    watch();
  }
}

// For whoever takes it first; the caller wakes one of them, once it holds no lock.
void WorkerPool::spill(Cell& cell, bool is_told) noexcept {
  const std::lock_guard lock(spilled_mutex_);
  spilled_.push_back({&cell, is_told});
  spilled_count_.fetch_add(1, std::memory_order_seq_cst);
}

void WorkerPool::wake_soon(Worker& worker) noexcept {
  LateWakes* const late = has_one_cpu() ? LateWakes::here() : nullptr;
  if (late == nullptr || !late->add(worker.parking)) worker.parking.wake();
}

void WorkerPool::wake_one() noexcept {
  if (parked_.load(std::memory_order_seq_cst) == 0) return;
  const std::lock_guard lock(mutex_);
  wake_one_parked();
}

void WorkerPool::wake_one_parked() noexcept {
  for (const auto& worker : workers_) {
    if (!worker->parking.is_parked()) continue;
    return worker->parking.wake();
  }
}

// --- Running

void WorkerPool::work(Worker& here, const std::string& name, std::size_t number) {
  (void)::pthread_setname_np(::pthread_self(), name.c_str());
  bind(number);
  if (overseer_ != nullptr) overseer_->on_thread();
  current = &here;
  current_pool = this;
  Home::settle(&here);
  while (!stopping_.load(std::memory_order_acquire) && !here.is_surplus) {
    if (Cell* const cell = next(here); cell != nullptr) {
      run(here, *cell);
    } else {
      Hearing::flush();
      rest(here);
    }
  }
  Hearing::flush();
  // What a plugin keeps for the thread is destroyed after this, and may post: from afar.
  Home::settle(nullptr);
  current = nullptr;
  current_pool = nullptr;
  const std::lock_guard lock(mutex_);
  {
    const Home::Seizure seizure(here);
    evict(here);
  }
  here.has_left = true;
  --living_;
  left_.notify_all();
}

void WorkerPool::bind(std::size_t number) const noexcept {
  if (cpus_.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpus_[number % cpus_.size()], &set);
  (void)::pthread_setaffinity_np(::pthread_self(), sizeof set, &set);
}

Cell* WorkerPool::next(Worker& here) noexcept {
  if (here.has_told()) [[unlikely]]
    take_told(here);
  if (here.gives_back) [[unlikely]]
    give_back(here);
  if (spilled_count_.load(std::memory_order_relaxed) != 0) [[unlikely]]
    take_spilled(here);
  if (here.call.load(std::memory_order_relaxed) != Worker::Call::none) [[unlikely]]
    obey(here);
  const Home::Guard guard(here);
  Cell* const cell = here.queue.pop();
  if (cell != nullptr) here.turn.begin(*cell);
  return cell;
}

inline bool WorkerPool::is_called(const Worker& here) const noexcept {
  return here.has_told() || here.call.load(std::memory_order_relaxed) != Worker::Call::none ||
         spilled_count_.load(std::memory_order_seq_cst) != 0 ||
         stopping_.load(std::memory_order_acquire);
}

// Others put there what they give back, and then look whether it is parked.
bool WorkerPool::has_queued(Worker& here) noexcept {
  const Home::Guard guard(here);
  return !here.queue.empty();
}

// That turn, and those that follow without anything else to look after.
void WorkerPool::run(Worker& here, Cell& first) {
  constexpr std::uint64_t turns_heard = 1024;
  for (Cell* cell = &first; cell != nullptr;) {
    if (overseer_ != nullptr) overseer_->on_turn();
    const bool has_more = cell->drain();
    const std::uint64_t turns = here.turns.load(std::memory_order_relaxed) + 1;
    here.turns.store(turns, std::memory_order_relaxed);
    if (turns % turns_heard == 0) [[unlikely]]
      Hearing::flush();
    const bool goes_on = !is_called(here) && !here.is_surplus;
    bool is_hung = false;
    {
      const Home::Guard guard(here);
      if (has_more) here.queue.push(*cell);
      is_hung = here.turn.is_hung();
      cell = goes_on && !is_hung ? here.queue.pop() : nullptr;
      if (cell != nullptr) {
        here.turn.begin(*cell);
      } else if (!is_hung) {
        here.turn.end();
      }
    }
    if (is_hung) [[unlikely]]
      on_returned(here);
    // Who waits behind others may wait for long: that is for the timekeeper to see.
    if (here.queue.pushed() != here.queue.popped()) watch();
  }
}

void WorkerPool::take_told(Worker& here) noexcept {
  Cell* elsewhere = nullptr;
  {
    const Home::Guard guard(here);
    for (Cell* cell = here.take_told(); cell != nullptr;) {
      Cell* const next = cell->next_told;
      const auto posted = cell->noticed(here);
      if (posted == Mailbox::Posted::runs) here.queue.push(*cell);
      if (posted == Mailbox::Posted::elsewhere) {
        cell->next_told = std::exchange(elsewhere, cell);
      }
      cell = next;
    }
  }
  tell_again(elsewhere);
}

// They moved since they were told of; whoever owns them now is still to be told.
void WorkerPool::tell_again(Cell* cells) noexcept {
  while (cells != nullptr) {
    Cell* const cell = std::exchange(cells, cells->next_told);
    tell_owner(*cell);
  }
}

void WorkerPool::take_spilled(Worker& here) noexcept {
  Spilled spilled{};
  {
    const std::lock_guard lock(spilled_mutex_);
    if (spilled_.empty()) return;
    spilled = spilled_.front();
    spilled_.pop_front();
    spilled_count_.fetch_sub(1, std::memory_order_relaxed);
  }
  Cell& cell = *spilled.cell;
  Home* const owner = cell.mailbox().home();
  if (spilled.is_told) return tell_owner(cell);
  if (owner != nullptr && owner != &here) {
    const Home::Seizure seizure(*owner);
    cell.move_to(here);
  }
  const Home::Guard guard(here);
  here.queue.push(cell);
}

// One at a time spins for a while, the others sleep at once.
void WorkerPool::rest(Worker& here) noexcept {
  const int most = has_one_cpu() ? 0 : spins_max;
  here.rest();
  bool is_called_in = false;
  if (spinning_.fetch_add(1, std::memory_order_relaxed) == 0) {
    for (int i = 0; i < most && !is_called_in; ++i) {
      pause();
      is_called_in = is_called(here);
    }
  }
  spinning_.fetch_sub(1, std::memory_order_relaxed);
  if (!is_called_in) park(here);
  here.resume();
}

// No wake-up is lost: who tells it of work writes first and then looks whether it is parked; this
// says that it is parked first and then looks for work.
void WorkerPool::park(Worker& here) noexcept {
  here.gives_back = false;
  here.parking.enter();
  parked_.fetch_add(1, std::memory_order_seq_cst);
  if (is_called(here) || has_queued(here)) {
    here.parking.leave();
  } else {
    here.parking.sleep();
  }
  parked_.fetch_sub(1, std::memory_order_seq_cst);
}

PoolPulse WorkerPool::pulse() const {
  PoolPulse pulse;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& worker : workers_) {
      pulse.turns += worker->turns.load(std::memory_order_relaxed);
    }
  }
  pulse.timer_rounds = timekeeper_.rounds();
  pulse.is_idle = parked_.load(std::memory_order_relaxed) != 0 ||
                  spinning_.load(std::memory_order_relaxed) != 0;
  pulse.is_timer_due = timekeeper_.is_due();
  return pulse;
}

std::size_t WorkerPool::threads() const {
  const std::lock_guard lock(mutex_);
  return living_;
}

}  // namespace backstage
