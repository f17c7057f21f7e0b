/// SHA-256: the identity of a plugin file in logs, quarantine records and staged names.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace backstage::plugin_gate {

/// 64 lower-case hex digits. [any]
[[nodiscard]] std::string sha256_hex(std::span<const std::byte> bytes);
/// Whether a text looks like one of these. [signal handler]
[[nodiscard]] constexpr bool is_sha256_hex(std::string_view text) noexcept {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Any bytes as lower-case hex. [any]
[[nodiscard]] std::string hex(std::span<const std::byte> bytes);

}  // namespace backstage::plugin_gate
