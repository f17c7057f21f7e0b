// What both sides of a benchmark say with bytes: fixed-size records and cheap unique names. The
// plugins include it too, so it needs nothing but std.
#pragma once
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace backstage::bench {

/// The message of W1 and W2, as the peers send it.
struct Pay64 {
  std::uint64_t seq;
  char pad[56];
};
static_assert(sizeof(Pay64) == 64);

/// What a load in a plugin tells the program when it is over; times of now_ns.
struct Lap {
  std::uint64_t start_ns;
  std::uint64_t end_ns;
};

/// Valid as long as `record`.
template <class T>
  requires std::is_trivially_copyable_v<T>
[[nodiscard]] std::string_view bytes_of(const T& record) noexcept {
  return {reinterpret_cast<const char*>(&record), sizeof record};
}
/// `data` must hold at least a T; it need not be aligned.
template <class T>
  requires std::is_trivially_copyable_v<T>
[[nodiscard]] T record_of(const void* data) noexcept {
  T record;
  std::memcpy(&record, data, sizeof record);
  return record;
}

/// "c123": unique while `number` is, shorter than 16 bytes below 10^14, no allocation.
class Name {
 public:
  Name(char prefix, std::uint64_t number) noexcept {
    text_.front() = prefix;
    const auto end = std::to_chars(text_.data() + 1, text_.data() + text_.size(), number).ptr;
    size_ = static_cast<std::size_t>(end - text_.data());
  }
  /// Valid as long as this object.
  [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), size_}; }

 private:
  std::array<char, 24> text_;
  std::size_t size_;
};

}  // namespace backstage::bench
