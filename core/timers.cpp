#include "core/timers.hpp"

#include <mutex>

namespace backstage {
namespace {

// Entries handled in one go: some microseconds, while other threads wait to set theirs.
constexpr std::size_t work_at_once = 128;

}  // namespace

TimerKey Timers::set(TimePoint when, const Due& due) {
  TimerKey key{};
  bool is_first = false;
  {
    const std::lock_guard lock(lock_);
    key = wheel_.add(when, due);
    is_first = when < told_;
    if (is_first) told_ = when;
  }
  if (is_first) alarm_.wake_at(when);
  return key;
}

bool Timers::cancel(TimerKey key) {
  if (key == TimerKey{}) return false;
  const std::lock_guard lock(lock_);
  return wheel_.remove(key);
}

std::optional<Due> Timers::take_due(TimePoint now) {
  Due due{};
  return take_due(now, {&due, 1}) == 0 ? std::nullopt : std::optional(due);
}

std::size_t Timers::take_due(TimePoint now, std::span<Due> into) {
  for (std::size_t count = 0; count < into.size();) {
    const std::lock_guard lock(lock_);
    const auto taken = wheel_.take(now, into.subspan(count), work_at_once);
    count += taken.count;
    if (!taken.is_all) continue;
    told_ = wheel_.earliest();
    return count;
  }
  return into.size();
}

TimePoint Timers::next() const {
  const std::lock_guard lock(lock_);
  return wheel_.earliest();
}

std::size_t Timers::live() const {
  const std::lock_guard lock(lock_);
  return wheel_.live();
}

std::size_t Timers::kept() const {
  const std::lock_guard lock(lock_);
  return wheel_.kept();
}

std::uint64_t Timers::work() const {
  const std::lock_guard lock(lock_);
  return wheel_.work();
}

}  // namespace backstage
