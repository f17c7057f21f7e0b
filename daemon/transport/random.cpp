#include "daemon/transport/random.hpp"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <span>
#include <system_error>

namespace backstage::transport {
namespace {

void fill(std::span<unsigned char> bytes) {
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got = ::getrandom(bytes.data() + have, bytes.size() - have, 0);
    if (got > 0) {
      have += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      throw std::system_error(errno, std::generic_category(), "getrandom");
    }
  }
}

}  // namespace

std::string random_hex(std::size_t digits) {
  constexpr std::string_view alphabet = "0123456789abcdef";
  std::string hex(digits / 2, '\0');
  fill({reinterpret_cast<unsigned char*>(hex.data()), hex.size()});
  std::string text;
  text.reserve(digits);
  for (const char c : hex) {
    const auto byte = static_cast<unsigned char>(c);
    text.push_back(alphabet[byte >> 4U]);
    text.push_back(alphabet[byte & 0xFU]);
  }
  return text;
}

unsigned random_seed() {
  std::array<unsigned char, sizeof(unsigned)> bytes{};
  fill(bytes);
  unsigned seed = 0;
  for (const unsigned char byte : bytes) seed = (seed << 8U) | byte;
  return seed;
}

}  // namespace backstage::transport
