/// Phase: which of a plugin's functions is being called.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace backstage::plugin_host {

enum class Phase : std::uint8_t {
  map,    ///< its static constructors, while the file is mapped
  entry,  ///< backstage_plugin_v1
  init,
  quiesce,
  fini,
  save,
  destroy,
  // Those below have every right of a turn.
  create,
  receive,
  load,
};

/// `receive`. [any]
[[nodiscard]] constexpr std::string_view name_of(Phase phase) noexcept {
  constexpr std::array<std::string_view, 10> names{"map",  "entry",   "init",   "quiesce", "fini",
                                                   "save", "destroy", "create", "receive", "load"};
  return names[static_cast<std::size_t>(phase)];
}

}  // namespace backstage::plugin_host
