/// Filters: what SUB sockets ask for, as the engine's subscriptions that serve it.
///
/// A filter is a prefix of `actor/topic|seq|epoch|sender`; libzmq does the exact matching. The
/// engine only has to deliver enough: the one address, all topics of one actor, or everything.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/string_map.hpp"
#include "core/values/pattern.hpp"

namespace backstage::gateway {

/// The narrowest pattern that covers all that `filter` may match; nothing if no published address
/// can match it, or only the daemon's own marks ($sys/tick, $sys/sync). Pure. [any]
[[nodiscard]] std::optional<Pattern> pattern_for(std::string_view filter);

/// How many SUB sockets have each filter, and how many distinct filters need each pattern.
class Filters {
 public:
  explicit Filters(std::uint32_t filters_max) : filters_max_(filters_max) {}

  enum class Added : std::uint8_t { known, fresh, full };
  struct Change {
    Added what = Added::known;
    /// The pattern that is needed now and was not before, or (removing) not any more.
    std::optional<Pattern> pattern;
  };
  [[nodiscard]] Change add(std::string_view filter);
  [[nodiscard]] Change remove(std::string_view filter);
  /// Whether some filter lets a message with this first frame through.
  [[nodiscard]] bool covers(std::string_view frame) const;
  /// Distinct filters.
  [[nodiscard]] std::size_t size() const noexcept { return filters_.size(); }

 private:
  const std::uint32_t filters_max_;
  StringMap<std::uint32_t> filters_;
  StringMap<std::uint32_t> patterns_;
};

}  // namespace backstage::gateway
