#include "daemon/gateway/delivery_window.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace backstage::gateway {
namespace {

std::uint64_t cost_of(const DeliveryWindow::Sent& sent) noexcept {
  if (sent.gap_last != 0) return 0;
  if (sent.copy == nullptr) return DeliveryWindow::mark_bytes;
  return DeliveryWindow::copy_bytes + sent.copy->payload.size();
}

}  // namespace

void DeliveryWindow::add(Sent sent) {
  if (sent.gap_last != 0) {
    if (widen(sent)) return;
  } else {
    ++messages_;
  }
  bytes_ += cost_of(sent);
  in_flight_.push_back(std::move(sent));
}

// So that there are never more GAPs between two messages than addresses.
bool DeliveryWindow::widen(const Sent& gap) noexcept {
  for (auto it = in_flight_.rbegin(); it != in_flight_.rend() && it->gap_last != 0; ++it) {
    if (it->address != gap.address || it->gap_last + 1 != gap.seq) continue;
    it->gap_last = gap.gap_last;
    return true;
  }
  return false;
}

bool DeliveryWindow::acknowledge(std::uint64_t seq, bool one_order, std::uint64_t turn_max) {
  const auto is_meant = [seq, one_order, turn_max](const Sent& sent) {
    if (sent.turn > turn_max) return false;
    if (one_order) return std::max(sent.seq, sent.gap_last) <= seq;
    return sent.gap_last == 0 && sent.seq == seq;
  };
  const auto last = std::find_if(in_flight_.rbegin(), in_flight_.rend(), is_meant);
  if (last == in_flight_.rend()) return false;
  for (auto left = std::distance(last, in_flight_.rend()); left > 0; --left) take_first();
  return true;
}

void DeliveryWindow::take_first() noexcept {
  const Sent& first = in_flight_.front();
  bytes_ -= cost_of(first);
  if (first.gap_last == 0) --messages_;
  in_flight_.pop_front();
}

void DeliveryWindow::forget_marks() {
  std::erase_if(in_flight_, [this](const Sent& sent) {
    if (sent.copy != nullptr) return false;
    bytes_ -= cost_of(sent);
    if (sent.gap_last == 0) --messages_;
    return true;
  });
}

const DeliveryWindow::Sent* DeliveryWindow::find(std::uint64_t turn) const noexcept {
  const auto found =
      std::lower_bound(in_flight_.begin(), in_flight_.end(), turn,
                       [](const Sent& sent, std::uint64_t wanted) { return sent.turn < wanted; });
  return found == in_flight_.end() || found->turn != turn ? nullptr : &*found;
}

}  // namespace backstage::gateway
