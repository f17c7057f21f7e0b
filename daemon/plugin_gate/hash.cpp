// SHA-256 by libsodium, which libzmq brings along anyway.
#include "daemon/plugin_gate/hash.hpp"

#include <sodium.h>

#include <array>

namespace backstage::plugin_gate {

std::string hex(std::span<const std::byte> bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::byte b : bytes) {
    out.push_back(digits[std::to_integer<unsigned>(b) >> 4U]);
    out.push_back(digits[std::to_integer<unsigned>(b) & 15U]);
  }
  return out;
}

std::string sha256_hex(std::span<const std::byte> bytes) {
  std::array<std::byte, crypto_hash_sha256_BYTES> digest{};
  // Cannot fail: the function returns 0 always and needs no sodium_init.
  (void)crypto_hash_sha256(reinterpret_cast<unsigned char*>(digest.data()),
                           reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  return hex(digest);
}

}  // namespace backstage::plugin_gate
