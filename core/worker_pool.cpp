#include "core/worker_pool.hpp"

#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <string>

#include "core/cell.hpp"

namespace backstage {

TimePoint MonotonicClock::now() const noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return TimePoint(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

WorkerPool::WorkerPool(const Clock& clock, Overseer* overseer)
    : clock_(clock), overseer_(overseer) {
  if (overseer_ != nullptr) overseer_->add(*this);
}

WorkerPool::~WorkerPool() {
  if (overseer_ != nullptr) overseer_->remove(*this);
  stop();
}

void WorkerPool::start(std::uint32_t workers, FireDue fire_due, std::uint32_t spares_max) {
  fire_due_ = std::move(fire_due);
  const std::lock_guard lock(mutex_);
  wanted_ = workers;
  spares_max_ = spares_max;
  while (living_ < wanted_) add_worker("worker");
}

void WorkerPool::add_worker(std::string_view kind) {
  auto worker = std::make_unique<Worker>();
  std::string name(kind);
  name.append(1, '-').append(std::to_string(++made_));
  worker->thread = std::thread([this, self = worker.get(), name] { work(*self, name); });
  workers_.push_back(std::move(worker));
  ++living_;
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

void WorkerPool::stop() {
  Lock lock(mutex_);
  stopping_ = true;
  work_there_.notify_all();
  left_.wait(lock, [this] { return living_ == 0; });
  auto left = take_left();
  // What a plugin keeps for a thread is destroyed at its end, and may call post.
  lock.unlock();
  for (auto& thread : left) thread.join();
}

std::vector<HungTurn> WorkerPool::stop(Duration within) {
  Lock lock(mutex_);
  stopping_ = true;
  work_there_.notify_all();
  left_.wait_for(lock, within, [this] { return living_ == 0; });
  for (auto& thread : take_left()) thread.detach();
  return still_running();
}

// Those that have left hold nothing of ours any more, but may still run what plugins do at a
// thread's end.
std::vector<std::thread> WorkerPool::take_left() {
  std::vector<std::thread> left;
  std::erase_if(workers_, [&left](const auto& worker) {
    if (worker->has_left) left.push_back(std::move(worker->thread));
    return worker->has_left;
  });
  return left;
}

std::vector<HungTurn> WorkerPool::still_running() const {
  std::vector<HungTurn> all;
  for (const auto& worker : workers_) {
    if (worker->turn.is_running()) all.push_back(worker->turn.describe(clock_.now()));
  }
  if (timers_running_) {
    all.emplace_back();
    all.back().doing = "timers";
  }
  return all;
}

void WorkerPool::post(Cell& cell) noexcept {
  bool should_wake = false;
  {
    const std::lock_guard lock(mutex_);
    runnable_.push_back(&cell);
    should_wake = idle_ > 0;
  }
  if (should_wake) work_there_.notify_one();
}

void WorkerPool::retired(Cell& cell) noexcept {
  if (overseer_ == nullptr) return;
  const std::lock_guard lock(mutex_);
  for (const auto& worker : workers_) worker->turn.on_retired(cell);
}

void WorkerPool::wake_at(TimePoint when) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (when >= next_due_) return;
    next_due_ = when;
  }
  work_there_.notify_one();
}

void WorkerPool::work(Worker& self, const std::string& name) {
  (void)::pthread_setname_np(::pthread_self(), name.c_str());
  if (overseer_ != nullptr) overseer_->on_thread();
  Lock lock(mutex_);
  while (!stopping_ && !self.is_surplus) {
    if (!timers_running_ && next_due_ != never && clock_.now() >= next_due_) {
      run_timers(lock);
    } else if (!runnable_.empty()) {
      run_cell(self, lock);
    } else {
      wait(lock);
    }
  }
  self.has_left = true;
  --living_;
  left_.notify_all();
}

void WorkerPool::run_timers(Lock& lock) {
  timers_running_ = true;
  next_due_ = never;
  lock.unlock();
  const TimePoint next = fire_due_(clock_.now());
  lock.lock();
  ++timer_rounds_;
  timers_running_ = false;
  // A timer set meanwhile has told wake_at; the earlier of the two counts.
  next_due_ = std::min(next_due_, next);
  // Idle workers wait without a limit while timers run: one of them must know the new deadline, for
  // this worker may now run a handler that takes long.
  if (idle_ > 0 && next_due_ != never) work_there_.notify_one();
}

void WorkerPool::run_cell(Worker& self, Lock& lock) {
  Cell* cell = runnable_.front();
  runnable_.pop_front();
  self.turn.begin(*cell);
  if (overseer_ != nullptr) overseer_->on_turn();
  lock.unlock();
  const bool has_more = cell->drain();
  lock.lock();
  ++turns_;
  if (has_more) runnable_.push_back(cell);
  if (self.turn.is_hung()) {
    returned_.push_back(self.turn.describe(clock_.now()));
    overseer_->on_turn();
    --hung_;
    self.is_surplus = able() > wanted_;
    // What this one leaves undone is another's.
    if (self.is_surplus && !runnable_.empty()) work_there_.notify_one();
  }
  self.turn.end();
}

void WorkerPool::wait(Lock& lock) {
  ++idle_;
  if (next_due_ == never || timers_running_) {
    work_there_.wait(lock);
  } else {
    const auto rest = next_due_ - clock_.now();
    work_there_.wait_for(lock, rest);
  }
  --idle_;
}

void WorkerPool::look(TimePoint now, Findings& findings) {
  const std::lock_guard lock(mutex_);
  for (auto& thread : take_left()) thread.detach();
  for (const auto& worker : workers_) {
    findings.is_busy |= worker->turn.is_running();
    auto hung = worker->turn.look(now);
    if (!hung) continue;
    hung->thread = worker->thread.native_handle();
    findings.hung.push_back(*std::move(hung));
    ++hung_;
  }
  std::move(returned_.begin(), returned_.end(), std::back_inserter(findings.returned));
  returned_.clear();
  keep_strength(findings);
}

void WorkerPool::keep_strength(Findings& findings) {
  if (stopping_) return;
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

PoolPulse WorkerPool::pulse() const {
  const std::lock_guard lock(mutex_);
  const bool is_due = next_due_ != never && clock_.now() >= next_due_;
  return {turns_, timer_rounds_, idle_ > 0, timers_running_ || is_due};
}

std::size_t WorkerPool::threads() const {
  const std::lock_guard lock(mutex_);
  return living_;
}

}  // namespace backstage
