#include "core/timers.hpp"

#include <algorithm>

namespace backstage {

TimerKey Timers::set(TimePoint when, Due due) {
  TimerKey key{};
  bool is_first = false;
  {
    const std::lock_guard lock(mutex_);
    drop_cancelled();
    is_first = heap_.empty() || when < heap_.front().when;
    key = TimerKey{++last_key_};
    heap_.push_back({when, key, due});
    std::push_heap(heap_.begin(), heap_.end());
    live_.insert(key);
  }
  if (is_first) alarm_.wake_at(when);
  return key;
}

bool Timers::cancel(TimerKey key) {
  const std::lock_guard lock(mutex_);
  if (live_.erase(key) == 0) return false;
  constexpr std::size_t worth_it = 64;
  if (heap_.size() > worth_it && heap_.size() / 2 > live_.size()) {
    std::erase_if(heap_, [this](const Entry& entry) { return !live_.contains(entry.key); });
    if (heap_.capacity() / 4 > heap_.size()) heap_.shrink_to_fit();
    std::make_heap(heap_.begin(), heap_.end());
  }
  return true;
}

std::optional<Due> Timers::take_due(TimePoint now) {
  const std::lock_guard lock(mutex_);
  drop_cancelled();
  if (heap_.empty() || heap_.front().when > now) return std::nullopt;
  const Entry entry = heap_.front();
  pop();
  live_.erase(entry.key);
  return entry.due;
}

TimePoint Timers::next() const {
  const std::lock_guard lock(mutex_);
  return heap_.empty() ? never : heap_.front().when;
}

std::size_t Timers::live() const {
  const std::lock_guard lock(mutex_);
  return live_.size();
}

std::size_t Timers::kept() const {
  const std::lock_guard lock(mutex_);
  return heap_.size();
}

void Timers::drop_cancelled() {
  while (!heap_.empty() && !live_.contains(heap_.front().key)) pop();
}

void Timers::pop() {
  std::pop_heap(heap_.begin(), heap_.end());
  heap_.pop_back();
}

}  // namespace backstage
