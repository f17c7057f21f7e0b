#include "daemon/gateway/deadlines.hpp"

#include <algorithm>

namespace backstage::gateway {
namespace {

// Of entries that are over behind one that is not, beyond as many as are open.
constexpr std::size_t over_kept_max = 1'024;

}  // namespace

std::uint64_t Deadlines::add(TimePoint at, RequestRef request) {
  queue_.push_back({at, request, last_number_ + 1, false});
  ++open_;
  due_ = std::min(due_, at);
  return ++last_number_;
}

Deadlines::Entry* Deadlines::find(std::uint64_t number) noexcept {
  if (queue_.empty() || number < queue_.front().number) return nullptr;
  // Where it is unless some were taken out between.
  const auto offset = number - queue_.front().number;
  if (offset < queue_.size() && queue_[offset].number == number) return &queue_[offset];
  const auto found = std::ranges::lower_bound(queue_, number, {}, &Entry::number);
  return found != queue_.end() && found->number == number ? &*found : nullptr;
}

void Deadlines::forget(std::uint64_t number) noexcept {
  Entry* const entry = number == 0 ? nullptr : find(number);
  if (entry == nullptr || entry->is_over) return;
  entry->is_over = true;
  --open_;
  let_go();
}

void Deadlines::let_go() {
  while (!queue_.empty() && queue_.front().is_over) queue_.pop_front();
  if (queue_.size() <= 2 * open_ + over_kept_max) return;
  std::erase_if(queue_, [](const Entry& entry) { return entry.is_over; });
}

void Deadlines::on_time(TimePoint now, Engine& engine) {
  if (now < due_) return;
  while (!queue_.empty() && queue_.front().at <= now) {
    const Entry entry = queue_.front();
    queue_.pop_front();
    if (entry.is_over) continue;
    --open_;
    engine.time_out(entry.request);
  }
  let_go();
  due_ = queue_.empty() ? never : queue_.front().at;
}

}  // namespace backstage::gateway
