/// SHA-256: the identity of a plugin file in logs, quarantine records and staged names.
#pragma once
#include <cstddef>
#include <span>
#include <string>

namespace backstage::plugin_gate {

/// 64 lower-case hex digits. [any]
[[nodiscard]] std::string sha256_hex(std::span<const std::byte> bytes);

/// Any bytes as lower-case hex. [any]
[[nodiscard]] std::string hex(std::span<const std::byte> bytes);

}  // namespace backstage::plugin_gate
