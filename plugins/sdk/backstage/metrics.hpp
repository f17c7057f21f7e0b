/// counter and gauge: figures of a plugin that the daemon shows beside its own.
///
///   backstage::counter hits{"hits"};   // at namespace scope, or a member of an actor
///   hits.add();
///
/// All that have one name in one plugin are one metric, whatever actor moves it. A name is
/// [a-z_][a-z0-9_]{0,63}; a bad one at namespace scope with constinit does not compile. A daemon
/// without metrics, and a plugin with more than 256, loses the figure and nothing else.
/// [any-thread]
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "backstage/detail/host.hpp"
#include "backstage/status.hpp"

namespace backstage {

namespace detail {

class metric {
 public:
  metric(const metric&) = delete;
  metric& operator=(const metric&) = delete;

 protected:
  constexpr metric(std::uint32_t kind, std::string_view name) : name_(name), kind_(kind) {
    bool fits = !name.empty() && name.size() <= 64 && !(name[0] >= '0' && name[0] <= '9');
    for (const char byte : name) {
      fits = fits && (byte == '_' || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9'));
    }
    if (!fits) throw error(BS_E_BAD_NAME, "a metric's name is [a-z_][a-z0-9_]{0,63}");
  }

  /// Calls `act` with the id that the host gave, if it gave one.
  template <class Act>
  void with_id(Act&& act) noexcept {
    const bs_metrics* const table = host.metrics;
    if (table == nullptr) return;
    std::uint64_t known = id_.load(std::memory_order_relaxed);
    if (known >> 32U != host.entries) [[unlikely]]
      known = open(*table);
    const auto id = static_cast<std::uint32_t>(known);
    if (id != none) act(*table, id);
  }

 private:
  static constexpr std::uint32_t none = UINT32_MAX;

  /// Once per entry of the plugin; a refusal is said once and remembered.
  std::uint64_t open(const bs_metrics& table) noexcept {
    std::uint32_t id = none;
    const bs_status answer = table.open(host.api, kind_, slice(name_), &id);
    if (answer < 0) {
      id = none;
      try {
        const std::string text = "the metric " + std::string{name_} +
                                 " is not counted: " + std::string{status_name(answer)};
        host.api->log(host.api, BS_LOG_WARN, slice(text));
      } catch (...) {
        host.api->log(host.api, BS_LOG_WARN, slice("a metric is not counted"));
      }
    }
    const std::uint64_t known = std::uint64_t{host.entries} << 32U | id;
    id_.store(known, std::memory_order_relaxed);
    return known;
  }

  const std::string_view name_;
  const std::uint32_t kind_;
  std::atomic<std::uint64_t> id_{0};  // which entry it is of, and the id
};

}  // namespace detail

/// Only goes up.
class counter : detail::metric {
 public:
  /// `name` must outlive it: a literal. Throws backstage::error for a name that may not be.
  constexpr explicit counter(std::string_view name) : metric(BS_METRIC_COUNTER, name) {}
  void add(std::uint64_t amount = 1) noexcept {
    with_id([amount](const bs_metrics& table, std::uint32_t id) {
      table.add(detail::host.api, id, amount);
    });
  }
};

/// Goes up and down.
class gauge : detail::metric {
 public:
  /// As of counter.
  constexpr explicit gauge(std::string_view name) : metric(BS_METRIC_GAUGE, name) {}
  void set(double value) noexcept {
    with_id([value](const bs_metrics& table, std::uint32_t id) {
      table.set(detail::host.api, id, value);
    });
  }
};

}  // namespace backstage
