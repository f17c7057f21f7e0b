/// The engine's words in the ABI's numbers and back: errors, addresses, ends.
#pragma once
#include <backstage/plugin.h>

#include <optional>
#include <string_view>

#include "core/actor.hpp"
#include "core/ids.hpp"
#include "core/values/errc.hpp"

namespace backstage::plugin_host {

/// [any]
[[nodiscard]] bs_status status_of(Errc code) noexcept;
/// The nearest word the engine has; a plugin's own failures are actor_failed. `status` is negative.
/// [any]
[[nodiscard]] Errc errc_of(bs_status status) noexcept;
/// `mailbox_full`, or `unknown` for numbers that v1.0 does not have. [any]
[[nodiscard]] std::string_view name_of(bs_status status) noexcept;

/// An id in the ABI's 16 bytes. w[1] is zero: room for a node. [any]
[[nodiscard]] inline bs_addr pack(ActorId id) noexcept {
  return {{std::uint64_t{id.generation} << 32U | id.slot, 0}};
}
/// Nobody for whatever pack did not make. [any]
[[nodiscard]] inline ActorId unpack(bs_addr address) noexcept {
  if (address.w[1] != 0) return nobody;
  return {.slot = static_cast<std::uint32_t>(address.w[0]),
          .generation = static_cast<std::uint32_t>(address.w[0] >> 32U)};
}

/// The reason destroy is told. [any]
[[nodiscard]] std::int32_t end_of(EndReason reason) noexcept;
/// The status of a BS_MSG_DOWN by its reason's token: BS_OK for an orderly end. [any]
[[nodiscard]] bs_status status_of_down(std::string_view reason) noexcept;

[[nodiscard]] inline bs_slice slice(std::string_view text) noexcept {
  return {text.data(), text.size()};
}
/// Nothing for a null pointer with a length. [any]
[[nodiscard]] inline std::optional<std::string_view> view(bs_slice bytes) noexcept {
  if (bytes.len == 0) return std::string_view{};
  if (bytes.ptr == nullptr) return std::nullopt;
  return std::string_view{static_cast<const char*>(bytes.ptr), bytes.len};
}

}  // namespace backstage::plugin_host
