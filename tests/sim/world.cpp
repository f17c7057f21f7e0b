#include "tests/sim/world.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

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

Schedule::Schedule(Dice& dice, Journal& journal)
    : dice_(dice), lanes_(dice.next()), journal_(journal) {
  for (std::size_t i = 0; i < homes_.size(); ++i) homes_.at(i).set_ready(ready_.at(i));
}

// Whom a message woke next door nobody posted.
void Schedule::collect() {
  for (RunQueue& queue : ready_) {
    while (Cell* const cell = queue.pop()) runnable_.push_back(cell);
  }
}

Home* Schedule::home() noexcept { return lanes_.one_in(4) ? nullptr : &any_home(); }

void Schedule::post(Cell& cell) noexcept {
  Home* const lives = cell.mailbox().home();
  Home* const here = Home::here();
  if (lives == nullptr && lanes_.one_in(2)) return runnable_.push_back(&cell);
  if (lives != nullptr && here != nullptr && lives != here && lanes_.one_in(3)) {
    cell.move_to(*here);
  }
  if (here == nullptr || cell.mailbox().home() != here) {
    if (cell.notice()) told_.push_back(&cell);
    return;
  }
  const Home::Guard guard(*here);
  if (cell.post_at(*here) == Mailbox::Posted::runs) runnable_.push_back(&cell);
}

// Owners hear of what they were told, sooner or later.
void Schedule::tell(bool all) {
  for (Cell* cell : std::exchange(told_, {})) {
    if (!all && lanes_.one_in(2)) {
      told_.push_back(cell);
      continue;
    }
    Home* const lives = cell->mailbox().home();
    Home& owned = lives == nullptr ? homes_.front() : *lives;
    const Home::Guard guard(owned);
    if (cell->noticed(owned) == Mailbox::Posted::runs) runnable_.push_back(cell);
  }
}

// As a worker does that takes work from another one.
void Schedule::move_one() {
  Cell* const cell = runnable_.at(lanes_.below(static_cast<std::uint32_t>(runnable_.size())));
  if (cell->mailbox().home() != nullptr) cell->move_to(any_home());
}

Cell* Schedule::run_one() {
  collect();
  tell(runnable_.empty());
  if (runnable_.empty()) return nullptr;
  if (lanes_.one_in(8)) move_one();
  ++steps_;
  const std::size_t at = next();
  Cell* cell = runnable_[at];
  runnable_.erase(runnable_.begin() + static_cast<std::ptrdiff_t>(at));
  journal_.note(cell->id().slot);
  Home::settle(cell->mailbox().home());
  if (cell->drain(1)) runnable_.push_back(cell);
  Hearing::flush();
  // Whoever acts next from outside does so from somewhere.
  Home::settle(lanes_.one_in(2) ? nullptr : &any_home());
  return cell;
}

}  // namespace backstage::sim
