/// copy_short: a copy of a few bytes, which a call of memcpy would cost more than.
#pragma once
#include <cstddef>
#include <cstring>

namespace backstage {

inline constexpr std::size_t copy_short_bytes_max = 64;

namespace short_copy {

// Two moves that may overlap, whatever the length.
template <std::size_t part>
inline void ends(void* to, const void* from, std::size_t size) noexcept {
  std::memcpy(to, from, part);
  std::memcpy(static_cast<char*>(to) + size - part, static_cast<const char*>(from) + size - part,
              part);
}

}  // namespace short_copy

/// Up to copy_short_bytes_max bytes, which do not overlap. [any]
inline void copy_short(void* to, const void* from, std::size_t size) noexcept {
  if (size >= 32) {
    short_copy::ends<32>(to, from, size);
  } else if (size >= 16) {
    short_copy::ends<16>(to, from, size);
  } else if (size >= 8) {
    short_copy::ends<8>(to, from, size);
  } else if (size >= 4) {
    short_copy::ends<4>(to, from, size);
  } else {
    for (std::size_t i = 0; i < size; ++i) {
      static_cast<char*>(to)[i] = static_cast<const char*>(from)[i];
    }
  }
}

/// Any number of bytes, which are few as a rule. [any]
inline void copy_mostly_short(void* to, const void* from, std::size_t size) noexcept {
  if (size <= copy_short_bytes_max) {
    copy_short(to, from, size);
  } else {
    std::memcpy(to, from, size);
  }
}

}  // namespace backstage
