#include "daemon/policy/token_bucket.hpp"

#include <algorithm>

namespace backstage::policy {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t millisecond = 1'000'000;

}  // namespace

TokenBucket::TokenBucket(std::uint32_t per_second) noexcept
    : cost_(per_second == 0 ? 0 : second / per_second), level_(second) {}

std::chrono::milliseconds TokenBucket::take(Nanoseconds now, std::uint32_t count) noexcept {
  if (cost_ == 0) return std::chrono::milliseconds{0};
  if (is_used_) level_ = std::min(second, level_ + std::max<std::int64_t>(0, now.count() - last_));
  is_used_ = true;
  last_ = now.count();
  const std::int64_t wanted = cost_ * count;
  // What is more than the bucket can hold goes when it is full, and leaves a debt.
  const std::int64_t needed = std::min(wanted, second);
  if (level_ >= needed) {
    level_ -= wanted;
    return std::chrono::milliseconds{0};
  }
  return std::chrono::milliseconds{(needed - level_ + millisecond - 1) / millisecond};
}

}  // namespace backstage::policy
