#include "core/timers.hpp"

namespace backstage {

TimerKey Timers::set(TimePoint when, Due due) {
  TimerKey key{};
  bool is_first = false;
  {
    const std::lock_guard lock(mutex_);
    drop_cancelled();
    is_first = heap_.empty() || when < heap_.top().when;
    key = TimerKey{++last_key_};
    heap_.push({when, key, due});
    live_.insert(key);
  }
  if (is_first) alarm_.wake_at(when);
  return key;
}

bool Timers::cancel(TimerKey key) {
  const std::lock_guard lock(mutex_);
  return live_.erase(key) != 0;
}

std::optional<Due> Timers::take_due(TimePoint now) {
  const std::lock_guard lock(mutex_);
  drop_cancelled();
  if (heap_.empty() || heap_.top().when > now) return std::nullopt;
  const Entry entry = heap_.top();
  heap_.pop();
  live_.erase(entry.key);
  return entry.due;
}

TimePoint Timers::next() const {
  const std::lock_guard lock(mutex_);
  return heap_.empty() ? never : heap_.top().when;
}

std::size_t Timers::live() const {
  const std::lock_guard lock(mutex_);
  return live_.size();
}

void Timers::drop_cancelled() {
  while (!heap_.empty() && !live_.contains(heap_.top().key)) heap_.pop();
}

}  // namespace backstage
