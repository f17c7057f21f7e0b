/// Payload: immutable bytes of one message, shared by all its receivers.
///
/// Up to payload_inline_bytes_max bytes live in the object itself; larger ones in one buffer with a
/// shared count, allocated here or adopted from a transport frame. Copying a Payload never copies a
/// shared buffer. Safe to copy, read and destroy from any thread (one object: one thread at a
/// time).
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "core/values/limits.hpp"
#include "core/values/short_copy.hpp"

namespace backstage {

/// A shared buffer. Freed by whoever drops the last count.
struct PayloadBuffer {
  using Release = void (*)(PayloadBuffer*) noexcept;

  std::atomic<std::uint32_t> count{1};
  std::uint32_t size = 0;
  const std::byte* data = nullptr;
  Release release = nullptr;  ///< frees the buffer and what it adopted; never null

  void ref() noexcept { count.fetch_add(1, std::memory_order_relaxed); }
  void unref() noexcept {
    // Pairs with itself: the release publishes this owner's reads, the acquire sees the others'.
    if (count.fetch_sub(1, std::memory_order_acq_rel) == 1) release(this);
  }
};

static_assert(payload_inline_bytes_max <= copy_short_bytes_max);

class Payload {
 public:
  Payload() noexcept = default;
  /// Copies `bytes`. Throws std::bad_alloc only.
  explicit Payload(std::string_view bytes) : size_(static_cast<std::uint32_t>(bytes.size())) {
    if (bytes.size() <= payload_inline_bytes_max) {
      copy_short(inline_.data(), bytes.data(), bytes.size());
    } else {
      share(bytes);
    }
  }
  /// Takes over one count of `buffer`; small buffers stay buffers.
  [[nodiscard]] static Payload adopt(PayloadBuffer* buffer) noexcept;
  /// An owned buffer of `size` bytes for the caller to fill through `*data` before sharing it.
  /// The caller holds its one count.
  [[nodiscard]] static PayloadBuffer* allocate(std::size_t size, std::byte** data);

  Payload(const Payload& other) noexcept {
    if (other.is_shared_) other.shared()->ref();
    take_bytes(other);
  }
  Payload(Payload&& other) noexcept {
    take_bytes(other);
    other.forget();
  }
  Payload& operator=(const Payload& other) noexcept {
    if (this != &other) {
      if (other.is_shared_) other.shared()->ref();
      reset();
      take_bytes(other);
    }
    return *this;
  }
  Payload& operator=(Payload&& other) noexcept {
    if (this != &other) {
      reset();
      take_bytes(other);
      other.forget();
    }
    return *this;
  }
  ~Payload() {
    if (is_shared_) shared()->unref();
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] const std::byte* data() const noexcept {
    return is_shared_ ? shared()->data : inline_.data();
  }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data(), size_}; }
  /// The bytes as text; valid as long as this object (inline) or any sharer (buffer) lives.
  [[nodiscard]] std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(data()), size_};
  }
  /// The shared buffer, or null when the bytes are inline. Borrowed.
  [[nodiscard]] PayloadBuffer* buffer() const noexcept { return is_shared_ ? shared() : nullptr; }

 private:
  [[nodiscard]] PayloadBuffer* shared() const noexcept {
    std::uintptr_t address = 0;
    std::memcpy(&address, inline_.data(), sizeof address);
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the address of a buffer that adopt() was given
    return reinterpret_cast<PayloadBuffer*>(address);
  }
  void share(std::string_view bytes);
  void take_bytes(const Payload& other) noexcept {
    size_ = other.size_;
    is_shared_ = other.is_shared_;
    // Whole cache lines, unset bytes and all, are cheaper than a copy of just the right length.
    constexpr std::size_t half = payload_inline_bytes_max / 2;
    std::memcpy(inline_.data(), other.inline_.data(), half);
    if (size_ > half && !is_shared_) {
      std::memcpy(inline_.data() + half, other.inline_.data() + half, half);
    }
  }
  void forget() noexcept {
    size_ = 0;
    is_shared_ = false;
  }
  void reset() noexcept {
    if (is_shared_) shared()->unref();
  }

  std::uint32_t size_ = 0;
  bool is_shared_ = false;
  // The bytes, or the address of their buffer. Left unset on purpose: no more than was written is
  // ever looked at.
  alignas(std::uint64_t) std::array<std::byte, payload_inline_bytes_max> inline_;
};

}  // namespace backstage
