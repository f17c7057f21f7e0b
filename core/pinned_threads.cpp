#include "core/pinned_threads.hpp"

#include <pthread.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <string>
#include <utility>

#include "core/cell.hpp"

namespace backstage {
namespace {

// Linux keeps 15 bytes and refuses more.
constexpr std::size_t thread_name_bytes_max = 15;

}  // namespace

PinnedThreads::PinnedThreads(const Clock& clock, std::uint32_t threads_max, Overseer* overseer)
    : clock_(clock), threads_max_(threads_max), overseer_(overseer) {
  if (overseer_ != nullptr) overseer_->add(*this);
}

PinnedThreads::~PinnedThreads() {
  if (overseer_ != nullptr) overseer_->remove(*this);
  stop();
}

Executor* PinnedThreads::claim() noexcept {
  const std::lock_guard lock(mutex_);
  if (stopping_ || living_ >= threads_max_) return nullptr;
  try {
    threads_.push_back(std::make_unique<Thread>(*this));
    Thread& made = *threads_.back();
    made.thread = std::thread([&made] { made.run(); });
    ++living_;
    return &made;
  } catch (const std::exception&) {
    // The system gives no thread, or no memory for one: refused like one over the limit.
    if (!threads_.empty() && !threads_.back()->thread.joinable()) threads_.pop_back();
    return nullptr;
  }
}

void PinnedThreads::unclaim(Executor& executor) noexcept {
  auto& thread = static_cast<Thread&>(executor);
  const std::lock_guard lock(mutex_);
  thread.is_ending = true;
  thread.changed.notify_one();
}

void PinnedThreads::Thread::post(Cell& cell) noexcept {
  const std::lock_guard lock(owner_.mutex_);
  posted_ = &cell;
  // Under the lock: once it is given up, the thread may end and take this object with it.
  changed.notify_one();
}

void PinnedThreads::Thread::retired(Cell& cell) noexcept {
  const std::lock_guard lock(owner_.mutex_);
  turn.on_retired(cell);
  is_ending = true;
  changed.notify_one();
}

void PinnedThreads::Thread::run() {
  if (owner_.overseer_ != nullptr) owner_.overseer_->on_thread();
  Lock lock(owner_.mutex_);
  for (;;) {
    changed.wait(lock, [this] { return posted_ != nullptr || is_ending; });
    if (is_ending) break;
    run_turn(lock);
  }
  has_left = true;
  --owner_.living_;
  owner_.left_.notify_all();
}

void PinnedThreads::Thread::run_turn(Lock& lock) {
  Cell* const cell = std::exchange(posted_, nullptr);
  if (!std::exchange(is_named_, true)) {
    const std::string name(cell->name().text().substr(0, thread_name_bytes_max));
    (void)::pthread_setname_np(::pthread_self(), name.c_str());
  }
  turn.begin(*cell);
  if (owner_.overseer_ != nullptr) owner_.overseer_->on_turn();
  lock.unlock();
  const bool has_more = cell->drain();
  lock.lock();
  if (has_more) posted_ = cell;
  if (turn.is_hung()) {
    owner_.returned_.push_back(turn.describe(owner_.clock_.now()));
    owner_.returned_.back().is_pinned = true;
    owner_.overseer_->on_turn();
  }
  turn.end();
}

void PinnedThreads::end_all() {
  stopping_ = true;
  for (const auto& thread : threads_) {
    thread->is_ending = true;
    thread->changed.notify_one();
  }
}

void PinnedThreads::stop() {
  Lock lock(mutex_);
  end_all();
  left_.wait(lock, [this] { return living_ == 0; });
  auto left = take_left();
  // What a plugin keeps for a thread is destroyed at its end, and may call post.
  lock.unlock();
  for (auto& thread : left) thread.join();
}

std::vector<HungTurn> PinnedThreads::stop(Duration within) {
  Lock lock(mutex_);
  end_all();
  left_.wait_for(lock, within, [this] { return living_ == 0; });
  for (auto& thread : take_left()) thread.detach();
  std::vector<HungTurn> hanging;
  for (const auto& thread : threads_) {
    if (!thread->turn.is_running()) continue;
    hanging.push_back(thread->turn.describe(clock_.now()));
    hanging.back().is_pinned = true;
  }
  return hanging;
}

// Those that have left hold nothing of ours any more, but may still run what plugins do at a
// thread's end.
std::vector<std::thread> PinnedThreads::take_left() {
  std::vector<std::thread> left;
  std::erase_if(threads_, [&left](const auto& thread) {
    if (thread->has_left) left.push_back(std::move(thread->thread));
    return thread->has_left;
  });
  return left;
}

void PinnedThreads::look(TimePoint now, Findings& findings) {
  const std::lock_guard lock(mutex_);
  for (auto& thread : take_left()) thread.detach();
  for (const auto& thread : threads_) {
    findings.is_busy |= thread->turn.is_running();
    auto hung = thread->turn.look(now);
    if (!hung) continue;
    hung->thread = thread->thread.native_handle();
    hung->is_pinned = true;
    findings.hung.push_back(*std::move(hung));
  }
  std::move(returned_.begin(), returned_.end(), std::back_inserter(findings.returned));
  returned_.clear();
}

std::size_t PinnedThreads::threads() const {
  const std::lock_guard lock(mutex_);
  return living_;
}

}  // namespace backstage
