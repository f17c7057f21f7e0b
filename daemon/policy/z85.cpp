#include "daemon/policy/z85.hpp"

#include <cstdint>

namespace backstage::policy {
namespace {

constexpr std::string_view alphabet =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
constexpr std::size_t digits_per_word = 5;
constexpr std::size_t bytes_per_word = 4;
constexpr std::uint64_t base = 85;

}  // namespace

std::optional<Key> decode_key(std::string_view text) noexcept {
  if (text.size() != key_digits) return std::nullopt;
  Key key{};
  for (std::size_t word = 0; word < key_digits / digits_per_word; ++word) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < digits_per_word; ++i) {
      const auto digit = alphabet.find(text[word * digits_per_word + i]);
      if (digit == std::string_view::npos) return std::nullopt;
      value = value * base + digit;
    }
    if (value > UINT32_MAX) return std::nullopt;
    for (std::size_t i = 0; i < bytes_per_word; ++i) {
      key[word * bytes_per_word + i] = static_cast<char>((value >> (24U - 8U * i)) & 0xffU);
    }
  }
  return key;
}

std::string encode_key(std::string_view bytes) {
  if (bytes.size() != key_bytes) return {};
  std::string text(key_digits, '0');
  for (std::size_t word = 0; word < key_bytes / bytes_per_word; ++word) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes_per_word; ++i) {
      value = value << 8U | static_cast<unsigned char>(bytes[word * bytes_per_word + i]);
    }
    for (std::size_t i = digits_per_word; i-- > 0; value /= base) {
      text[word * digits_per_word + i] = alphabet[value % base];
    }
  }
  return text;
}

}  // namespace backstage::policy
