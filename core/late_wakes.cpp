#include "core/late_wakes.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "core/parking.hpp"

namespace backstage {

bool LateWakes::add(Parking& sleeper) noexcept {
  const auto known = std::span(sleepers_).first(count_);
  if (std::ranges::find(known, &sleeper) != known.end()) return true;
  if (count_ == sleepers_.size()) return false;
  sleepers_.at(count_++) = &sleeper;
  return true;
}

void LateWakes::wake_all() noexcept {
  for (Parking* const sleeper : std::span(sleepers_).first(std::exchange(count_, 0))) {
    sleeper->wake();
  }
}

}  // namespace backstage
