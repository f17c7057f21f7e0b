/// UpgradePlan: which of a plugin's types can pass from one generation to another, and how. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/plugin_host/descriptor.hpp"
#include "daemon/plugin_host/plugin_succession.hpp"

namespace backstage::plugin_host {

/// What happens to actors that cannot pass.
enum class OnIncompatible : std::uint8_t {
  refuse,         ///< the whole upgrade does not happen
  keep_old,       ///< they stay what they are until they end
  restart_fresh,  ///< they begin anew, without their state
};

/// One type of the present generation.
struct TypePassage {
  std::size_t from = 0;           ///< its number there
  std::optional<std::size_t> to;  ///< its number in the next one; nothing: it is gone
  Passage passage = Passage::none;
  std::string reason;  ///< why none, or why fresh instead of state; else empty
};

/// One entry for each of `from`, in their order. A type without save has no state to keep: its
/// actors begin fresh, as after a restart. Only restart_fresh turns none into fresh. [any]
[[nodiscard]] std::vector<TypePassage> plan_upgrade(std::span<const PluginType> from,
                                                    std::span<const PluginType> to,
                                                    OnIncompatible on_incompatible);

}  // namespace backstage::plugin_host
