/// Order of plugin versions.
#pragma once
#include <compare>
#include <string_view>

namespace backstage::plugin_host {

/// Numbers between dots compare as numbers (1.10 > 1.9, 1.2 == 1.2.0); a suffix after '-' or '~' is
/// a pre-release and comes before its version; what follows '+' does not count. [any]
[[nodiscard]] std::weak_ordering compare_versions(std::string_view a, std::string_view b) noexcept;

}  // namespace backstage::plugin_host
