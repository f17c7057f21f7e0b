#include "core/timer_wheel.hpp"

#include <algorithm>
#include <bit>

namespace backstage {
namespace {

// Times before the epoch come before those after it.
constexpr std::uint64_t sign = std::uint64_t{1} << 63U;
constexpr std::uint64_t tick_of(TimePoint when) noexcept {
  return static_cast<std::uint64_t>(when.time_since_epoch().count()) ^ sign;
}
constexpr TimePoint time_of(std::uint64_t tick) noexcept {
  return TimePoint{Duration{static_cast<Duration::rep>(tick ^ sign)}};
}

// How many entries of one place `earliest` looks at.
constexpr std::size_t looks_max = 64;

}  // namespace

TimerKey TimerWheel::add(TimePoint when, const Due& due) {
  const std::uint32_t index = make_node();
  Node& made = node(index);
  made.tick = tick_of(when);
  made.number = due.number;
  made.who = due.who;
  made.what = due.what;
  if (made.tick < now_) {
    insert_late(index);
  } else {
    const unsigned place = place_of(made.tick);
    // Behind those that are still on their way down from there.
    const bool is_moving = moving_ != late && place / level_places < moving_ / level_places;
    insert(index, is_moving ? moving_ : place);
  }
  ++live_;
  return TimerKey{std::uint64_t{made.generation} << 32U | index};
}

bool TimerWheel::remove(TimerKey key) {
  const auto index = static_cast<std::uint32_t>(key);
  const auto generation = static_cast<std::uint32_t>(static_cast<std::uint64_t>(key) >> 32U);
  // A free entry has the generation of its next use already, which no key has yet.
  if (index >= used_ || node(index).generation != generation) return false;
  unlink(index);
  free_node(index);
  return true;
}

TimerWheel::Taken TimerWheel::take(TimePoint now, std::span<Due> into, std::size_t work_max) {
  const std::uint64_t until = tick_of(now);
  std::size_t count = 0;
  for (std::size_t done = 0; done < work_max && count < into.size(); ++done) {
    const unsigned first = first_place();
    if (first == places) return {count, true};
    Place& place = places_[first];
    const bool is_alone = place.head == place.tail && moving_ == late;
    if (first == late || first < level_places || is_alone) {
      const std::uint64_t tick = node(place.head).tick;
      if (tick > until) return {count, true};
      now_ = std::max(now_, tick);
      into[count++] = take_node(place.head);
      continue;
    }
    if (moving_ != first) {
      if (place.earliest > until) return {count, true};
      now_ = place.earliest;
      moving_ = first;
    }
    move_one();
  }
  return {count, false};
}

TimePoint TimerWheel::earliest() const {
  if (places_[late].head != none) return time_of(node(places_[late].head).tick);
  if (moving_ != late) return time_of(now_);
  const unsigned first = first_place();
  if (first == places) return never;
  const Place& place = places_[first];
  if (place.is_exact) return time_of(place.earliest);
  std::uint64_t found = node(place.head).tick;
  std::size_t looks = 0;
  for (std::uint32_t at = place.head; at != none; at = node(at).next) {
    if (++looks > looks_max) return time_of(place.earliest);
    ++work_;
    found = std::min(found, node(at).tick);
  }
  return time_of(found);
}

std::uint32_t TimerWheel::make_node() {
  if (free_ != none) {
    const std::uint32_t index = free_;
    free_ = node(index).next;
    return index;
  }
  if (used_ % chunk_size == 0) {
    chunks_.push_back(std::make_unique_for_overwrite<Node[]>(chunk_size));
  }
  const auto index = static_cast<std::uint32_t>(used_++);
  node(index).generation = 1;
  return index;
}

void TimerWheel::free_node(std::uint32_t index) noexcept {
  --live_;
  // One whose generations are used up is not used again: an old key must not fit a new entry.
  if (++node(index).generation == 0) return;
  node(index).next = free_;
  free_ = index;
}

unsigned TimerWheel::place_of(std::uint64_t tick) const noexcept {
  const std::uint64_t differs = tick ^ now_;
  const unsigned top = differs == 0 ? 0 : static_cast<unsigned>(std::bit_width(differs)) - 1;
  const unsigned level = top / level_bits;
  const auto group = static_cast<unsigned>(tick >> level * level_bits) % level_places;
  return level * level_places + group;
}

// Where the earliest entry is; `places`: there is none.
unsigned TimerWheel::first_place() const noexcept {
  if (places_[late].head != none) return late;
  if (moving_ != late) return moving_;
  if (levels_occupied_ == 0) return places;
  const auto level = static_cast<unsigned>(std::countr_zero(levels_occupied_));
  return level * level_places + static_cast<unsigned>(std::countr_zero(occupied_[level]));
}

void TimerWheel::insert(std::uint32_t index, unsigned place_index) noexcept {
  Place& place = places_[place_index];
  Node& entry = node(index);
  entry.place = static_cast<std::uint16_t>(place_index);
  entry.prev = place.tail;
  entry.next = none;
  if (place.tail == none) {
    place.head = index;
    place.earliest = entry.tick;
    place.is_exact = true;
    const unsigned level = place_index / level_places;
    occupied_[level] |= std::uint64_t{1} << place_index % level_places;
    levels_occupied_ |= 1U << level;
  } else {
    node(place.tail).next = index;
    if (entry.tick <= place.earliest) {
      place.earliest = entry.tick;
      place.is_exact = true;
    }
  }
  place.tail = index;
}

// Few ever come late: those whose setter read the clock before another thread took what was due.
void TimerWheel::insert_late(std::uint32_t index) noexcept {
  Place& place = places_[late];
  Node& entry = node(index);
  entry.place = late;
  std::uint32_t before = place.tail;
  while (before != none && node(before).tick > entry.tick) {
    ++work_;
    before = node(before).prev;
  }
  entry.prev = before;
  entry.next = before == none ? place.head : node(before).next;
  (entry.prev == none ? place.head : node(entry.prev).next) = index;
  (entry.next == none ? place.tail : node(entry.next).prev) = index;
}

void TimerWheel::unlink(std::uint32_t index) noexcept {
  const Node& entry = node(index);
  Place& place = places_[entry.place];
  (entry.prev == none ? place.head : node(entry.prev).next) = entry.next;
  (entry.next == none ? place.tail : node(entry.next).prev) = entry.prev;
  if (entry.place == late) return;
  const unsigned level = entry.place / level_places;
  // On the lowest level all times of a place are equal.
  if (level != 0 && entry.tick == place.earliest) place.is_exact = false;
  if (place.head != none) return;
  if (entry.place == moving_) moving_ = late;
  occupied_[level] &= ~(std::uint64_t{1} << entry.place % level_places);
  if (occupied_[level] == 0) levels_occupied_ &= ~(1U << level);
}

// The first of the moving place, to where it belongs now that the wheel has come there.
void TimerWheel::move_one() noexcept {
  const std::uint32_t index = places_[moving_].head;
  ++work_;
  unlink(index);
  insert(index, place_of(node(index).tick));
}

Due TimerWheel::take_node(std::uint32_t index) noexcept {
  const Node& entry = node(index);
  const Due due{entry.what, entry.who, entry.number};
  unlink(index);
  free_node(index);
  return due;
}

}  // namespace backstage
