/// The host's tables as this plugin got them at its entry, and conversions of slices.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "backstage/plugin.h"

namespace backstage::detail {

/// What the daemon handed over. Set once by the entry function, on the loader thread, before any
/// actor exists; read-only afterwards, hence free of locks. Extensions may be null.
struct host_tables {
  const bs_api* api = nullptr;
  const bs_timers* timers = nullptr;
  const bs_monitor* monitor = nullptr;
  const bs_interest* interest = nullptr;
  const bs_metrics* metrics = nullptr;
  std::uint32_t entries = 0;  ///< how often the entry was called: ids of earlier ones are void
};

// Hidden: each plugin, and each generation of it, has its own.
__attribute__((visibility("hidden"))) inline host_tables host;

[[nodiscard]] inline bs_slice slice(std::string_view text) noexcept {
  return {text.data(), text.size()};
}
[[nodiscard]] inline std::string_view view(bs_slice bytes) noexcept {
  if (bytes.len == 0) return {};
  return {static_cast<const char*>(bytes.ptr), bytes.len};
}

}  // namespace backstage::detail
