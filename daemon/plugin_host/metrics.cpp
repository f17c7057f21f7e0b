// Slots are made once and never moved, so that adding needs only the count of them.
#include "daemon/plugin_host/metrics.hpp"

#include <algorithm>
#include <bit>

namespace backstage::plugin_host {
namespace {

// What Prometheus takes as it is, in lower case only.
bool is_metric_name(std::string_view name) noexcept {
  const auto is_letter = [](char byte) { return byte == '_' || (byte >= 'a' && byte <= 'z'); };
  const auto is_digit = [](char byte) { return byte >= '0' && byte <= '9'; };
  return !name.empty() && name.size() <= metric_name_bytes_max && is_letter(name.front()) &&
         std::ranges::all_of(name, [&](char byte) { return is_letter(byte) || is_digit(byte); });
}

}  // namespace

std::string_view token(MetricKind kind) noexcept {
  return kind == MetricKind::counter ? "counter" : "gauge";
}

Result<std::uint32_t> Metrics::open(MetricKind kind, std::string_view name) {
  if (!is_metric_name(name)) return std::unexpected(Errc::bad_name);
  const std::lock_guard lock{making_};
  const std::uint32_t count = count_.load(std::memory_order_relaxed);
  for (std::uint32_t id = 0; id < count; ++id) {
    if ((*slots_)[id].text() != name) continue;
    if ((*slots_)[id].kind != kind) return std::unexpected(Errc::type_mismatch);
    return id;
  }
  if (count == metrics_max) return std::unexpected(Errc::too_large);
  if (slots_ == nullptr) slots_ = std::make_unique<Slots>();
  Slot& made = (*slots_)[count];
  made.kind = kind;
  made.length = static_cast<std::uint8_t>(name.size());
  std::ranges::copy(name, made.name.begin());
  count_.store(count + 1, std::memory_order_release);
  return count;
}

Metrics::Slot* Metrics::slot(std::uint32_t id, MetricKind kind) const noexcept {
  if (id >= count_.load(std::memory_order_acquire)) return nullptr;
  Slot& found = (*slots_)[id];
  return found.kind == kind ? &found : nullptr;
}

bool Metrics::add(std::uint32_t id, std::uint64_t amount) noexcept {
  Slot* const found = slot(id, MetricKind::counter);
  if (found != nullptr) found->bits.fetch_add(amount, std::memory_order_relaxed);
  return found != nullptr;
}

bool Metrics::set(std::uint32_t id, double value) noexcept {
  Slot* const found = slot(id, MetricKind::gauge);
  if (found != nullptr) {
    found->bits.store(std::bit_cast<std::uint64_t>(value), std::memory_order_relaxed);
  }
  return found != nullptr;
}

std::vector<Metric> Metrics::list() const {
  const std::uint32_t count = count_.load(std::memory_order_acquire);
  std::vector<Metric> all;
  all.reserve(count);
  for (std::uint32_t id = 0; id < count; ++id) {
    const Slot& at = (*slots_)[id];
    const std::uint64_t bits = at.bits.load(std::memory_order_relaxed);
    const bool counts = at.kind == MetricKind::counter;
    all.push_back({.name = std::string{at.text()},
                   .kind = at.kind,
                   .count = counts ? bits : 0,
                   .value = counts ? static_cast<double>(bits) : std::bit_cast<double>(bits)});
  }
  return all;
}

}  // namespace backstage::plugin_host
