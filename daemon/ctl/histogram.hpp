/// Histogram: percentiles of very many latencies in little memory. As HdrHistogram does it, which
/// Debian 12 does not have for C++: log-linear buckets, each at most 1/64 of its value wide.
#pragma once
#include <array>
#include <chrono>
#include <cstdint>

namespace backstage::ctl {

class Histogram final {
 public:
  /// Below zero counts as zero.
  void add(std::chrono::nanoseconds latency);
  void add(const Histogram& other);
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  /// The value that `share` (0.99) of all are not above, at most 1/64 too high; the largest is
  /// exact. Zero when there are none.
  [[nodiscard]] std::chrono::nanoseconds at(double share) const;
  [[nodiscard]] std::chrono::nanoseconds max() const noexcept { return max_; }

 private:
  static constexpr unsigned value_bits = 64, linear_bits = 7;
  // The first two halves are exact, then one half for each further bit.
  static constexpr std::size_t half = std::size_t{1} << (linear_bits - 1);
  static constexpr std::size_t buckets = half * (value_bits - linear_bits + 2);

  std::array<std::uint64_t, buckets> counts_{};
  std::uint64_t count_ = 0;
  std::chrono::nanoseconds max_{0};
};

}  // namespace backstage::ctl
