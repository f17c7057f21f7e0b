#include "daemon/ctl/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace backstage::ctl {

void Histogram::add(std::chrono::nanoseconds latency) {
  latency = std::max(latency, std::chrono::nanoseconds{0});
  const auto value = static_cast<std::uint64_t>(latency.count());
  const auto bits = static_cast<unsigned>(std::bit_width(value));
  const unsigned shift = bits > linear_bits ? bits - linear_bits : 0;
  ++counts_[half * shift + static_cast<std::size_t>(value >> shift)];
  ++count_;
  max_ = std::max(max_, latency);
}

void Histogram::add(const Histogram& other) {
  for (std::size_t i = 0; i < buckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

std::chrono::nanoseconds Histogram::at(double share) const {
  const auto rank = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets; ++i) {
    seen += counts_[i];
    if (seen < rank || seen == 0) continue;
    const std::size_t shift = i < 2 * half ? 0 : i / half - 1;
    const auto last = ((std::uint64_t{i} - half * shift + 1) << shift) - 1;
    return std::min(std::chrono::nanoseconds{static_cast<std::int64_t>(last)}, max_);
  }
  return max_;
}

}  // namespace backstage::ctl
