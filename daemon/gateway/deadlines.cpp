#include "daemon/gateway/deadlines.hpp"

#include <algorithm>
#include <utility>

namespace backstage::gateway {
namespace {

// Of entries that are over, beyond as many as are open.
constexpr std::size_t over_kept_max = 1'024;

}  // namespace

std::uint64_t Deadlines::add(TimePoint at, RequestRef request) {
  queue_.push_back({at, request, last_number_ + 1, false});
  ++open_;
  due_ = std::min(due_, at);
  return ++last_number_;
}

Deadlines::Entry* Deadlines::find(std::uint64_t number) noexcept {
  if (kept() == 0 || number < queue_[first_].number) return nullptr;
  // Where it is unless some were taken out between.
  const std::size_t at = first_ + (number - queue_[first_].number);
  if (at < queue_.size() && queue_[at].number == number) return &queue_[at];
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

void Deadlines::let_go() noexcept {
  while (kept() != 0 && queue_[first_].is_over) ++first_;
  if (kept() == 0) {
    queue_.clear();
    first_ = 0;
  } else if (first_ > over_kept_max && first_ > kept()) {
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  } else if (kept() > 2 * open_ + over_kept_max) {
    std::erase_if(queue_, [](const Entry& entry) { return entry.is_over; });
    first_ = 0;
  }
}

void Deadlines::on_time(TimePoint now, Engine& engine) {
  if (now < due_) return;
  while (kept() != 0 && queue_[first_].at <= now) {
    Entry& entry = queue_[first_++];
    if (std::exchange(entry.is_over, true)) continue;
    --open_;
    engine.time_out(entry.request);
  }
  let_go();
  due_ = kept() == 0 ? never : queue_[first_].at;
}

}  // namespace backstage::gateway
