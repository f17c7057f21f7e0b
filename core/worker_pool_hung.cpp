// WorkerPool's threads: how they come, what becomes of one whose turn hangs, how all of them end.
#include <algorithm>
#include <exception>
#include <iterator>
#include <string>

#include "core/worker.hpp"
#include "core/worker_pool.hpp"

namespace backstage {

WorkerPool::WorkerPool(const Clock& clock, Overseer* overseer)
    : clock_(clock), overseer_(overseer), timekeeper_(clock) {
  // Who is spawned before the start lives with the first worker, whose thread is to come.
  Worker& first = vacant();
  first.has_left = true;
  {
    const Home::Seizure seizure(first);
    evict(first);
  }
  front_.store(&first, std::memory_order_release);
  if (overseer_ != nullptr) overseer_->add(*this);
}

WorkerPool::~WorkerPool() {
  if (overseer_ != nullptr) overseer_->remove(*this);
  stop();
}

void WorkerPool::start(std::uint32_t workers, FireDue fire_due, std::uint32_t spares_max,
                       std::vector<unsigned> cpus) {
  cpus_ = std::move(cpus);
  has_peers_ = workers > 1;
  {
    const std::lock_guard lock(mutex_);
    wanted_ = workers;
    spares_max_ = spares_max;
    while (living_ < wanted_) add_worker("worker");
  }
  timekeeper_.start(std::move(fire_due), [this] { return look_for_waiting(); });
}

// The place of one that has left, with what lives there, or a new one.
Worker& WorkerPool::vacant() {
  for (const auto& worker : workers_) {
    if (worker->has_left && !worker->thread.joinable()) return *worker;
  }
  workers_.push_back(std::make_unique<Worker>());
  return *workers_.back();
}

void WorkerPool::add_worker(std::string_view kind) {
  Worker& worker = vacant();
  {
    const Home::Seizure seizure(worker);
    worker.readmit();
    worker.turn = {};
  }
  worker.is_surplus = worker.has_left = false;
  worker.is_served.store(true, std::memory_order_seq_cst);
  const std::size_t number = made_++;
  std::string name(kind);
  name.append(1, '-').append(std::to_string(made_));
  try {
    worker.thread = std::thread([this, &worker, name, number] { work(worker, name, number); });
  } catch (const std::exception&) {
    const Home::Seizure seizure(worker);
    evict(worker);
    worker.has_left = true;
    throw;
  }
  ++living_;
  Worker* const front = front_.load(std::memory_order_relaxed);
  if (front == nullptr || !front->is_served.load(std::memory_order_relaxed)) {
    front_.store(&worker, std::memory_order_release);
  }
}

// False: the system gives no thread now; a later look tries again.
bool WorkerPool::try_add_spare() noexcept {
  try {
    add_worker("spare");
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

void WorkerPool::call_all_in() {
  stopping_.store(true, std::memory_order_seq_cst);
  for (const auto& worker : workers_) worker->parking.wake();
}

void WorkerPool::stop() {
  timekeeper_.stop();
  Lock lock(mutex_);
  call_all_in();
  left_.wait(lock, [this] { return living_ == 0; });
  auto left = take_left();
  // What a plugin keeps for a thread is destroyed at its end, and may call post.
  lock.unlock();
  for (auto& thread : left) thread.join();
}

std::vector<HungTurn> WorkerPool::stop(Duration within) {
  const TimePoint end = later(clock_.now(), within);
  const bool has_stopped = timekeeper_.stop(within);
  Lock lock(mutex_);
  call_all_in();
  const Duration rest = std::max(end - clock_.now(), Duration::zero());
  left_.wait_for(lock, rest, [this] { return living_ == 0; });
  for (auto& thread : take_left()) thread.detach();
  std::vector<HungTurn> all;
  for (const auto& worker : workers_) {
    const Home::Seizure seizure(*worker);
    if (worker->turn.is_running()) all.push_back(worker->turn.describe(clock_.now()));
  }
  if (!has_stopped) {
    all.emplace_back();
    all.back().doing = "timers";
  }
  return all;
}

// Those that have left hold nothing of ours any more, but may still run what plugins do at a
// thread's end.
std::vector<std::thread> WorkerPool::take_left() {
  std::vector<std::thread> left;
  for (const auto& worker : workers_) {
    if (worker->has_left && worker->thread.joinable()) left.push_back(std::move(worker->thread));
  }
  return left;
}

void WorkerPool::retired(Cell& cell) noexcept {
  // It is its own turn that ends here.
  Worker* const here = self();
  if (here == nullptr) return;
  const Home::Guard guard(*here);
  here->turn.on_retired(cell);
}

void WorkerPool::look(TimePoint now, Findings& findings) {
  const std::lock_guard lock(mutex_);
  for (auto& thread : take_left()) thread.detach();
  for (const auto& worker : workers_) {
    if (worker->has_left) continue;
    const Home::Seizure seizure(*worker);
    findings.is_busy |= worker->turn.is_running();
    auto hung = worker->turn.look(now);
    if (!hung) continue;
    hung->thread = worker->thread.native_handle();
    findings.hung.push_back(*std::move(hung));
    ++hung_;
    evict(*worker);
  }
  std::move(returned_.begin(), returned_.end(), std::back_inserter(findings.returned));
  returned_.clear();
  keep_strength(findings);
  if (spilled_count_.load(std::memory_order_relaxed) != 0) wake_one_parked();
}

// What lives with it is run by others from now on, as soon as it has work.
void WorkerPool::evict(Worker& worker) {
  worker.Home::evict();
  worker.is_served.store(false, std::memory_order_seq_cst);
  empty(worker);
  if (front_.load(std::memory_order_relaxed) != &worker) return;
  for (const auto& other : workers_) {
    if (!other->is_served.load(std::memory_order_relaxed)) continue;
    return front_.store(other.get(), std::memory_order_release);
  }
}

// What moved elsewhere since it was told of is spilled, too: whoever takes it tells its owner.
void WorkerPool::empty(Worker& worker) {
  while (Cell* const cell = worker.queue.pop()) spill(*cell, false);
  for (Cell* cell = worker.take_told(); cell != nullptr;) {
    Cell* const next = cell->next_told;
    const auto posted = cell->noticed(worker);
    if (posted == Mailbox::Posted::runs) spill(*cell, false);
    if (posted == Mailbox::Posted::elsewhere) spill(*cell, true);
    cell = next;
  }
}

void WorkerPool::on_returned(Worker& here) {
  const std::lock_guard lock(mutex_);
  const Home::Seizure seizure(here);
  returned_.push_back(here.turn.describe(clock_.now()));
  here.turn.end();
  overseer_->on_turn();
  --hung_;
  here.is_surplus = able() > wanted_;
  if (here.is_surplus) return;
  here.readmit();
  here.is_served.store(true, std::memory_order_seq_cst);
  if (!front_.load(std::memory_order_relaxed)->is_served.load(std::memory_order_relaxed)) {
    front_.store(&here, std::memory_order_release);
  }
}

void WorkerPool::keep_strength(Findings& findings) {
  if (stopping_.load(std::memory_order_relaxed)) return;
  while (able() < wanted_ && living_ < wanted_ + spares_max_ && try_add_spare()) {
  }
  const bool is_short = able() < wanted_;
  if (is_short && !is_told_short_) {
    findings.is_short = true;
    findings.able = static_cast<std::uint32_t>(able());
    findings.wanted = static_cast<std::uint32_t>(wanted_);
  }
  is_told_short_ = is_short;
}

}  // namespace backstage
