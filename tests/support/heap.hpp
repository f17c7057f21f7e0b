// How many bytes the program has from malloc, for tests that hold a figure.
#pragma once
#include <malloc.h>

#include <cstddef>

namespace backstage::test {

// The sanitizers' own allocators tell mallinfo2 nothing.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool tells_heap = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool tells_heap = false;
#else
inline constexpr bool tells_heap = true;
#endif
#else
inline constexpr bool tells_heap = true;
#endif

// Bytes in use, malloc's own headers and whole mappings (large tables) included.
inline std::size_t heap_bytes() {
  const auto heap = ::mallinfo2();
  return heap.uordblks + heap.hblkhd;
}

}  // namespace backstage::test
