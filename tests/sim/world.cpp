#include "tests/sim/world.hpp"

#include <algorithm>
#include <cstdio>

namespace backstage::sim {

void Journal::note(std::string_view text) noexcept {
  for (const char byte : text) {
    hash_ = (hash_ ^ static_cast<unsigned char>(byte)) * 0x100000001B3U;
  }
  if (is_tracing_) std::printf("  %.*s\n", static_cast<int>(text.size()), text.data());
}

void Journal::note(std::uint64_t number) noexcept {
  hash_ = (hash_ ^ number) * 0x100000001B3U;
  hash_ ^= hash_ >> 29U;
}

void Journal::violate(std::string why) {
  if (violation_.empty()) violation_ = std::move(why);
}

void Schedule::choose(Policy policy, std::uint32_t depth, std::uint32_t steps_expected) {
  policy_ = policy;
  change_points_.clear();
  for (std::uint32_t i = 1; i < depth; ++i) change_points_.push_back(dice_.below(steps_expected));
}

std::uint32_t Schedule::priority_of(Cell* cell) {
  const auto found = priorities_.find(cell);
  if (found != priorities_.end()) return found->second;
  const std::uint32_t priority = 1'000'000 + dice_.below(1'000'000);
  priorities_.emplace(cell, priority);
  return priority;
}

std::size_t Schedule::next() {
  if (policy_ == Policy::random) return dice_.below(static_cast<std::uint32_t>(runnable_.size()));
  std::size_t best = 0;
  for (std::size_t i = 1; i < runnable_.size(); ++i) {
    if (priority_of(runnable_[i]) > priority_of(runnable_[best])) best = i;
  }
  if (std::find(change_points_.begin(), change_points_.end(), steps_) != change_points_.end()) {
    priorities_[runnable_[best]] = --lowest_;
  }
  return best;
}

Cell* Schedule::run_one() {
  if (runnable_.empty()) return nullptr;
  ++steps_;
  const std::size_t at = next();
  Cell* cell = runnable_[at];
  runnable_.erase(runnable_.begin() + static_cast<std::ptrdiff_t>(at));
  journal_.note(cell->id().slot);
  if (cell->drain(1)) runnable_.push_back(cell);
  return cell;
}

}  // namespace backstage::sim
