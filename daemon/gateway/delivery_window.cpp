#include "daemon/gateway/delivery_window.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace backstage::gateway {
namespace {

// What is acknowledged before its turn: with so few the book is not worth putting in order.
constexpr std::size_t acknowledged_min = 64;
// And so many an address may keep in its list.
constexpr std::size_t dropped_min = 32;

std::uint64_t cost_of(const DeliveryWindow::Sent& sent) noexcept {
  if (sent.gap_last != 0) return 0;
  if (sent.copy == nullptr) return DeliveryWindow::mark_bytes;
  return DeliveryWindow::copy_bytes + sent.copy->payload.size();
}

std::uint64_t end_of(const DeliveryWindow::Sent& sent) noexcept {
  return std::max(sent.seq, sent.gap_last);
}

}  // namespace

void DeliveryWindow::add(Sent sent) {
  if (sent.gap_last != 0) {
    if (widen(sent)) return;
  } else {
    ++messages_;
  }
  bytes_ += cost_of(sent);
  put(std::move(sent));
}

// So that there are never more GAPs between two messages than addresses.
bool DeliveryWindow::widen(const Sent& gap) noexcept {
  for (auto it = in_flight_.rbegin(); it != in_flight_.rend() && it->gap_last != 0; ++it) {
    if (it->address != gap.address) continue;
    if (it->gap_last + 1 != gap.seq) return false;
    it->gap_last = gap.gap_last;
    if (is_indexed_) by_address_.at(gap.address).all.back().floor = gap.gap_last;
    return true;
  }
  return false;
}

void DeliveryWindow::put(Sent sent) {
  if (is_indexed_) index(sent);
  in_flight_.push_back(std::move(sent));
}

// Numbers of an address rise, but for a snapshot that is asked for again. What that lowers is
// lowered once: the next snapshot is no older.
void DeliveryWindow::index(const Sent& sent) {
  auto& [all, first] = by_address_[sent.address];
  const auto floor = end_of(sent);
  for (auto i = all.size(); i > first && all[i - 1].floor > floor; --i) all[i - 1].floor = floor;
  all.push_back({sent.turn, floor});
}

void DeliveryWindow::drop_first(Places& places) noexcept {
  auto& [all, first] = places;
  ++first;
  if (first < dropped_min || first * 2 < all.size()) return;
  all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::exchange(first, 0)));
}

bool DeliveryWindow::acknowledge(std::uint64_t seq, bool one_order, std::uint64_t turn_max) {
  const auto is_meant = [seq, one_order, turn_max](const Sent& sent) {
    if (sent.turn > turn_max || sent.is_acknowledged()) return false;
    if (one_order) return end_of(sent) <= seq;
    return sent.gap_last == 0 && sent.seq == seq;
  };
  const auto last = std::find_if(in_flight_.rbegin(), in_flight_.rend(), is_meant);
  if (last == in_flight_.rend()) return false;
  for (auto left = std::distance(last, in_flight_.rend()); left > 0; --left) take_first();
  take_acknowledged();
  return true;
}

bool DeliveryWindow::acknowledge_of(std::string_view address, std::uint64_t seq) {
  if (!std::exchange(is_indexed_, true)) {
    for (const Sent& sent : in_flight_) index(sent);
  }
  const auto found = by_address_.find(address);
  if (found == by_address_.end()) return false;
  auto& [all, first] = found->second;
  if (all[first].floor > seq) return false;
  for (; first < all.size() && all[first].floor <= seq; drop_first(found->second)) {
    Sent& sent = in_flight_[at(all[first].turn)];
    uncount(sent);
    sent = Sent{.turn = sent.turn};
    ++acknowledged_;
  }
  if (first == all.size()) by_address_.erase(found);
  take_acknowledged();
  if (acknowledged_ > tidy_size_ + acknowledged_min) put_in_order();
  return true;
}

// As many were acknowledged as there were places when this was last done, and each one since was
// added: so it costs each of them a few steps, however often it is done.
void DeliveryWindow::put_in_order() {
  auto former = std::exchange(in_flight_, {});
  by_address_.clear();
  for (Sent& sent : former) {
    // Of two GAPs there may be no message in between any more.
    if (sent.is_acknowledged() || (sent.gap_last != 0 && widen(sent))) continue;
    put(std::move(sent));
  }
  acknowledged_ = 0;
  tidy_size_ = in_flight_.size();
}

void DeliveryWindow::uncount(const Sent& sent) noexcept {
  bytes_ -= cost_of(sent);
  if (sent.gap_last == 0) --messages_;
}

void DeliveryWindow::take_first() noexcept {
  const Sent& first = in_flight_.front();
  if (first.is_acknowledged()) {
    --acknowledged_;
  } else {
    uncount(first);
    if (is_indexed_) {
      const auto found = by_address_.find(first.address);
      drop_first(found->second);
      if (found->second.first == found->second.all.size()) by_address_.erase(found);
    }
  }
  in_flight_.pop_front();
}

void DeliveryWindow::take_acknowledged() noexcept {
  while (!in_flight_.empty() && in_flight_.front().is_acknowledged()) take_first();
}

void DeliveryWindow::forget_marks() {
  forget_if([](const Sent& sent) { return sent.copy == nullptr && sent.gap_last == 0; });
}

void DeliveryWindow::forget_marks_and_gaps() {
  forget_if([](const Sent& sent) { return sent.copy == nullptr; });
}

void DeliveryWindow::forget_if(bool (*is_forgotten)(const Sent&)) {
  std::erase_if(in_flight_, [this, is_forgotten](const Sent& sent) {
    if (!is_forgotten(sent)) return false;
    if (!sent.is_acknowledged()) uncount(sent);
    return true;
  });
  acknowledged_ = 0;
  is_indexed_ = false;
  by_address_.clear();
}

std::size_t DeliveryWindow::at(std::uint64_t turn) const noexcept {
  const auto found =
      std::lower_bound(in_flight_.begin(), in_flight_.end(), turn,
                       [](const Sent& sent, std::uint64_t wanted) { return sent.turn < wanted; });
  return static_cast<std::size_t>(std::distance(in_flight_.begin(), found));
}

const DeliveryWindow::Sent* DeliveryWindow::find(std::uint64_t turn) const noexcept {
  const auto found = at(turn);
  if (found == in_flight_.size() || in_flight_[found].turn != turn) return nullptr;
  return in_flight_[found].is_acknowledged() ? nullptr : &in_flight_[found];
}

}  // namespace backstage::gateway
