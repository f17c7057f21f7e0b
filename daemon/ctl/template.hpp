/// Templates of new plugins: valid plugins of their own, in which two words are replaced.
#pragma once
#include <string>
#include <string_view>

#include "daemon/ctl/fault.hpp"

namespace backstage::ctl {

/// Whether a plugin, its type, file and CMake target can have that name: a lower-case letter, then
/// letters, digits and `_`, 40 at most, and no word that CMake keeps for itself.
/// Faults: CTL-102. [any]
[[nodiscard]] Outcome<void> check_name(std::string_view name);

/// `text` with `my_actor` and `MyActor` replaced by the name as it is and as a C++ type:
/// order_book, OrderBookActor. [any]
[[nodiscard]] std::string fill(std::string text, std::string_view name);

}  // namespace backstage::ctl
