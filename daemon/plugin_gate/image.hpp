/// A plugin file in memory, read at offsets that nobody has vouched for.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

namespace backstage::plugin_gate {

/// Borrowed bytes; every access is checked, and no sum of two numbers from the file can overflow.
class Image {
 public:
  explicit Image(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  [[nodiscard]] std::uint64_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] bool holds(std::uint64_t offset, std::uint64_t size) const noexcept {
    return offset <= bytes_.size() && size <= bytes_.size() - offset;
  }
  /// The bytes, or nothing when they are not all there. [any]
  [[nodiscard]] std::optional<std::span<const std::byte>> slice(std::uint64_t offset,
                                                                std::uint64_t size) const noexcept {
    if (!holds(offset, size)) return std::nullopt;
    return bytes_.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
  }
  /// A copy of the struct at `offset`, whatever its alignment, or nothing. [any]
  template <class T>
  [[nodiscard]] std::optional<T> read(std::uint64_t offset) const noexcept {
    static_assert(std::is_trivially_copyable_v<T>);
    if (!holds(offset, sizeof(T))) return std::nullopt;
    T value;
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace backstage::plugin_gate
