/// Metrics: the figures that one generation of a plugin keeps by metrics/1.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/values/result.hpp"

namespace backstage::plugin_host {

/// More names than this are refused: a plugin must not name metrics after its users.
inline constexpr std::size_t metrics_max = 256;
inline constexpr std::size_t metric_name_bytes_max = 64;

enum class MetricKind : std::uint8_t { counter = 1, gauge = 2 };
/// `counter`. [any]
[[nodiscard]] std::string_view token(MetricKind kind) noexcept;

/// One figure, a copy.
struct Metric {
  std::string name;
  MetricKind kind = MetricKind::counter;
  std::uint64_t count = 0;  ///< of a counter
  double value = 0;         ///< of a gauge; a counter's count, rounded
};

class Metrics {
 public:
  Metrics() = default;
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// The number of the metric of that name, made if there is none. Errors: bad_name,
  /// type_mismatch, too_large (there are metrics_max). Throws std::bad_alloc. [any]
  [[nodiscard]] Result<std::uint32_t> open(MetricKind kind, std::string_view name);
  /// False: no such counter. No lock. [any]
  bool add(std::uint32_t id, std::uint64_t amount) noexcept;
  /// False: no such gauge. No lock. [any]
  bool set(std::uint32_t id, double value) noexcept;

  /// In the order of their making. Each figure is exact; together they are of no one moment. [any]
  [[nodiscard]] std::vector<Metric> list() const;

 private:
  struct Slot {
    std::atomic<std::uint64_t> bits{0};  // of a gauge: the double's
    MetricKind kind = MetricKind::counter;
    std::uint8_t length = 0;
    std::array<char, metric_name_bytes_max> name{};
    [[nodiscard]] std::string_view text() const noexcept { return {name.data(), length}; }
  };
  using Slots = std::array<Slot, metrics_max>;

  [[nodiscard]] Slot* slot(std::uint32_t id, MetricKind kind) const noexcept;

  std::mutex making_;             // guards whose turn it is to make one
  std::unique_ptr<Slots> slots_;  // made with the first, before count_ says so
  std::atomic<std::uint32_t> count_{0};
};

}  // namespace backstage::plugin_host
