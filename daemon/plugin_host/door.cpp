// Counts who is inside; the bit `closed` turns newcomers away.
#include "daemon/plugin_host/door.hpp"

namespace backstage::plugin_host {

bool Door::enter() noexcept {
  // acquire: who gets in sees what was built before the door was handed out.
  if ((inside_.fetch_add(1, std::memory_order_acquire) & closed) == 0) return true;
  leave();
  return false;
}

void Door::leave() noexcept {
  // release, with the acquire in close: what was done inside is done before the door is closed.
  if (inside_.fetch_sub(1, std::memory_order_acq_rel) == (closed | 1U)) inside_.notify_all();
}

void Door::close() noexcept {
  auto seen = inside_.fetch_or(closed, std::memory_order_acq_rel) | closed;
  while (seen != closed) {
    inside_.wait(seen, std::memory_order_acquire);
    seen = inside_.load(std::memory_order_acquire);
  }
}

}  // namespace backstage::plugin_host
