/// FixedText: text built in memory that is there already, for signal handlers: nothing allocates.
#pragma once
#include <array>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>

namespace backstage::plugin_host {

/// What does not fit is left out, and remembered. [signal handler]
class FixedText {
 public:
  /// Writes into `room`, which must outlive it.
  explicit FixedText(std::span<char> room) noexcept : room_(room) {}

  FixedText& add(std::string_view text) noexcept {
    for (const char c : text) put(c);
    return *this;
  }
  template <std::integral Number>
  FixedText& add(Number number, int base = 10) noexcept {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.begin(), digits.end(), number, base).ptr;
    return add({digits.data(), static_cast<std::size_t>(end - digits.data())});
  }
  /// Printable ASCII as it is, a backslash as two, every other byte as \xNN.
  FixedText& add_escaped(std::string_view text) noexcept {
    constexpr std::string_view digits = "0123456789abcdef";
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '\\') {
        add("\\\\");
      } else if (byte >= 0x20 && byte < 0x7f) {
        put(c);
      } else {
        add("\\x");
        put(digits[byte >> 4U]);
        put(digits[byte & 0xfU]);
      }
    }
    return *this;
  }
  /// Gives up what was added since the text was `size` bytes long.
  void cut_back(std::size_t size) noexcept {
    if (size < size_) size_ = size;
  }

  [[nodiscard]] std::string_view text() const noexcept { return {room_.data(), size_}; }
  [[nodiscard]] std::size_t room_left() const noexcept { return room_.size() - size_; }
  [[nodiscard]] bool is_cut() const noexcept { return is_cut_; }

 private:
  void put(char c) noexcept {
    if (size_ < room_.size()) {
      room_[size_++] = c;
    } else {
      is_cut_ = true;
    }
  }

  const std::span<char> room_;
  std::size_t size_ = 0;
  bool is_cut_ = false;
};

/// A short text by value: at most `bytes_max` bytes of what it is given. [any]
template <std::size_t bytes_max>
class ShortText {
 public:
  constexpr ShortText() noexcept = default;
  explicit ShortText(std::string_view text) noexcept { assign(text); }

  void assign(std::string_view text) noexcept {
    text = text.substr(0, bytes_max);
    for (std::size_t i = 0; i < text.size(); ++i) bytes_[i] = text[i];
    size_ = static_cast<std::uint16_t>(text.size());
  }
  /// Within its own memory even when that is damaged.
  [[nodiscard]] std::string_view text() const noexcept {
    return {bytes_.data(), size_ < bytes_max ? size_ : bytes_max};
  }

 private:
  static_assert(bytes_max <= UINT16_MAX);
  std::array<char, bytes_max> bytes_{};
  std::uint16_t size_ = 0;
};

}  // namespace backstage::plugin_host
