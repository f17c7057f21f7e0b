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

class Payload {
 public:
  Payload() noexcept = default;
  /// Copies `bytes`. Throws std::bad_alloc only.
  explicit Payload(std::string_view bytes);
  /// Takes over one count of `buffer`; small buffers stay buffers.
  [[nodiscard]] static Payload adopt(PayloadBuffer* buffer) noexcept;
  /// An owned buffer of `size` bytes for the caller to fill through `*data` before sharing it.
  /// The caller holds its one count.
  [[nodiscard]] static PayloadBuffer* allocate(std::size_t size, std::byte** data);

  Payload(const Payload& other) noexcept { copy_from(other); }
  Payload(Payload&& other) noexcept { move_from(other); }
  Payload& operator=(const Payload& other) noexcept {
    if (this != &other) {
      reset();
      copy_from(other);
    }
    return *this;
  }
  Payload& operator=(Payload&& other) noexcept {
    if (this != &other) {
      reset();
      move_from(other);
    }
    return *this;
  }
  ~Payload() { reset(); }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] const std::byte* data() const noexcept {
    return buffer_ != nullptr ? buffer_->data : inline_.data();
  }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data(), size_}; }
  /// The bytes as text; valid as long as this object (inline) or any sharer (buffer) lives.
  [[nodiscard]] std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(data()), size_};
  }
  /// The shared buffer, or null when the bytes are inline. Borrowed.
  [[nodiscard]] PayloadBuffer* buffer() const noexcept { return buffer_; }

 private:
  void reset() noexcept {
    if (buffer_ != nullptr) buffer_->unref();
    buffer_ = nullptr;
    size_ = 0;
  }
  void copy_from(const Payload& other) noexcept {
    buffer_ = other.buffer_;
    size_ = other.size_;
    if (buffer_ != nullptr) {
      buffer_->ref();
    } else {
      std::memcpy(inline_.data(), other.inline_.data(), size_);
    }
  }
  void move_from(Payload& other) noexcept {
    buffer_ = std::exchange(other.buffer_, nullptr);
    size_ = std::exchange(other.size_, 0);
    if (buffer_ == nullptr) std::memcpy(inline_.data(), other.inline_.data(), size_);
  }

  PayloadBuffer* buffer_ = nullptr;
  std::uint32_t size_ = 0;
  // Left unset on purpose: only the first size_ bytes are ever read.
  std::array<std::byte, payload_inline_bytes_max> inline_;
};

}  // namespace backstage
