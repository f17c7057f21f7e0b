/// Z85: keys as text, 40 printable characters for 32 bytes (ZeroMQ RFC 32).
#pragma once
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace backstage::policy {

inline constexpr std::size_t key_bytes = 32;
inline constexpr std::size_t key_digits = 40;
using Key = std::array<char, key_bytes>;

/// The bytes of a key written in Z85; nothing for anything else. [any]
[[nodiscard]] std::optional<Key> decode_key(std::string_view text) noexcept;
/// The text of a key of 32 bytes; empty for another size. [any]
[[nodiscard]] std::string encode_key(std::string_view bytes);

}  // namespace backstage::policy
