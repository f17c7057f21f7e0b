#include "daemon/gateway/ready_list.hpp"

#include "core/cell.hpp"

namespace backstage::gateway {

ReadyList::~ReadyList() {
  if (here() == this) set_here(nullptr);
}

void ReadyList::own_here() noexcept {
  owner_.store(std::this_thread::get_id());
  set_here(this);
}

void ReadyList::post(Cell& cell) noexcept {
  if (std::this_thread::get_id() == owner_.load(std::memory_order_relaxed)) {
    ready_.push_back(&cell);
    return;
  }
  // Woken with the lock held: once the owner has seen the cell it may run it, end, and take this
  // list and the loop behind wake_ with it.
  const std::lock_guard lock(mutex_);
  posted_.push_back(&cell);
  if (posted_.size() == 1 && !is_attended_) wake_();
}

void ReadyList::take_posted() {
  {
    const std::lock_guard lock(mutex_);
    taken_.swap(posted_);
  }
  ready_.insert(ready_.end(), taken_.begin(), taken_.end());
  taken_.clear();
}

void ReadyList::run(const Clock& clock, TimePoint until) {
  take_posted();
  // Only those ready now: one that is ready again at once waits for the next turn.
  for (std::size_t count = ready_.size(); count > 0; --count) {
    Cell* const cell = ready_.front();
    ready_.pop_front();
    if (cell->drain()) ready_.push_back(cell);
    if (clock.now() >= until) break;
  }
}

ReadyList::Attention::Attention(ReadyList& list) noexcept : list_(list) {
  const std::lock_guard lock(list_.mutex_);
  list_.is_attended_ = true;
}

ReadyList::Attention::~Attention() {
  const std::lock_guard lock(list_.mutex_);
  list_.is_attended_ = false;
  if (!list_.posted_.empty()) list_.wake_();
}

bool ReadyList::Attention::has_posted() const {
  const std::lock_guard lock(list_.mutex_);
  return !list_.posted_.empty();
}

bool ReadyList::empty() {
  take_posted();
  return ready_.empty();
}

}  // namespace backstage::gateway
