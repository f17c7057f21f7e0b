/// TokenBucket: so many messages a second, and at once as many as one second's.
#pragma once
#include <chrono>
#include <cstdint>

namespace backstage::policy {

/// Time is the caller's: nanoseconds of any clock that does not go back.
class TokenBucket {
 public:
  using Nanoseconds = std::chrono::nanoseconds;

  /// `per_second` zero: no limit.
  explicit TokenBucket(std::uint32_t per_second) noexcept;
  /// Takes `count` if so many are there. Otherwise takes nothing, and says how long to wait for
  /// them, at least 1 ms; nothing to wait for is zero. More than a second's are taken as a debt.
  [[nodiscard]] std::chrono::milliseconds take(Nanoseconds now, std::uint32_t count = 1) noexcept;

 private:
  // In nanoseconds of filling: one message costs `cost_`, the bucket holds one second.
  std::int64_t cost_;
  std::int64_t level_;
  std::int64_t last_ = 0;
  bool is_used_ = false;
};

}  // namespace backstage::policy
