/// A small number for each thread, so that what threads keep apart can be found without a lock.
#pragma once
#include <atomic>

namespace backstage {

/// Counts up from 1 in the order of asking; the same for the life of the thread. [any]
[[nodiscard]] inline unsigned thread_number() noexcept {
  constinit static std::atomic<unsigned> last{0};
  constinit thread_local unsigned mine = 0;
  if (mine == 0) mine = last.fetch_add(1, std::memory_order_relaxed) + 1;
  return mine;
}

}  // namespace backstage
