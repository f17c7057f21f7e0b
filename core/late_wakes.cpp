#include "core/late_wakes.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "core/worker_pool.hpp"

namespace backstage {

bool LateWakes::add(Worker& worker) noexcept {
  const auto known = std::span(sleepers_).first(count_);
  if (std::ranges::find(known, &worker) != known.end()) return true;
  if (count_ == sleepers_.size()) return false;
  sleepers_.at(count_++) = &worker;
  return true;
}

void LateWakes::wake_all() noexcept {
  for (Worker* const worker : std::span(sleepers_).first(std::exchange(count_, 0))) {
    WorkerPool::wake(*worker);
  }
}

}  // namespace backstage
