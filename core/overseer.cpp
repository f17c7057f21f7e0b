#include "core/overseer.hpp"

#include <pthread.h>

#include <algorithm>

namespace backstage {

Overseer::~Overseer() { stop(); }

void Overseer::start(Duration tick) {
  thread_ = std::thread([this, tick] { run(tick); });
}

void Overseer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    is_up_.store(true, std::memory_order_relaxed);
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Overseer::add(TurnSource& source) {
  const std::lock_guard lock(look_mutex_);
  sources_.push_back(&source);
}

void Overseer::remove(TurnSource& source) {
  const std::lock_guard lock(look_mutex_);
  std::erase(sources_, &source);
}

void Overseer::look() { (void)look_and_tell(); }

bool Overseer::look_and_tell() {
  const std::lock_guard lock(look_mutex_);
  Findings findings;
  const TimePoint now = clock_.now();
  for (TurnSource* source : sources_) source->look(now, findings);
  for (const auto& turn : findings.hung) handler_.hung(turn);
  for (const auto& turn : findings.returned) handler_.returned(turn);
  if (findings.is_short) handler_.short_of_workers(findings.able, findings.wanted);
  return findings.is_busy;
}

void Overseer::run(Duration tick) {
  (void)::pthread_setname_np(::pthread_self(), "overseer");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    changed_.wait_for(lock, tick, [this] { return stopping_; });
    if (stopping_) return;
    lock.unlock();
    bool is_busy = look_and_tell();
    lock.lock();
    if (is_busy || stopping_) continue;
    // A turn that begins from here on wakes us; one that began before is seen by another look, for
    // both take the source's lock.
    is_up_.store(false, std::memory_order_relaxed);
    lock.unlock();
    is_busy = look_and_tell();
    lock.lock();
    if (is_busy) is_up_.store(true, std::memory_order_relaxed);
    changed_.wait(lock, [this] { return is_up_.load(std::memory_order_relaxed); });
  }
}

void Overseer::wake() noexcept {
  {
    const std::lock_guard lock(mutex_);
    is_up_.store(true, std::memory_order_relaxed);
  }
  changed_.notify_all();
}

}  // namespace backstage
