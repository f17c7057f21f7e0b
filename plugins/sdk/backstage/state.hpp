/// writer and reader: an actor's state as bytes, for upgrades and for actors that sleep while idle.
///
/// Integers are written little-endian in their own width, texts with a 32-bit length before them:
/// read with the same types, in the same order, as written.
#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#include "backstage/detail/host.hpp"
#include "backstage/status.hpp"

namespace backstage {

/// Integers that have one width everywhere they are read; not bool.
template <class T>
concept storable = std::integral<T> && !std::same_as<T, bool>;

/// Appends to the saved state. Every function throws backstage::error when the host takes no more.
class writer {
 public:
  explicit writer(bs_sink* sink) noexcept : sink_(sink) {}

  template <storable T>
  void put(T value) {
    auto bits = static_cast<std::make_unsigned_t<T>>(value);
    char bytes[sizeof(T)];
    for (char& byte : bytes) {
      byte = static_cast<char>(bits & 0xFFU);
      bits = static_cast<std::make_unsigned_t<T>>(static_cast<std::uint64_t>(bits) >> 8U);
    }
    write({bytes, sizeof bytes});
  }
  void put(std::string_view text) {
    if (text.size() > std::numeric_limits<std::uint32_t>::max()) throw error(BS_E_TOO_LARGE, limit);
    put(static_cast<std::uint32_t>(text.size()));
    write(text);
  }

 private:
  static constexpr const char* limit = "a text of the saved state is over 4 GiB";

  void write(std::string_view bytes) {
    const auto& api = *detail::host.api;
    status{api.write(sink_, detail::slice(bytes))}.must();
  }
  bs_sink* sink_;
};

/// Reads what writer wrote. Every function throws backstage::error when the state ends early.
class reader {
 public:
  explicit reader(std::string_view bytes) noexcept : rest_(bytes) {}

  template <storable T>
  void get(T& value) {
    const std::string_view bytes = take(sizeof(T));
    std::uint64_t bits = 0;
    for (std::size_t i = sizeof(T); i-- > 0;) {
      bits = bits << 8U | static_cast<unsigned char>(bytes[i]);
    }
    value = static_cast<T>(bits);
  }
  void get(std::string& text) {
    std::uint32_t size = 0;
    get(size);
    text = take(size);
  }
  [[nodiscard]] std::size_t left() const noexcept { return rest_.size(); }

 private:
  std::string_view take(std::size_t size) {
    if (size > rest_.size()) {
      throw error("the saved state ends " + std::to_string(size - rest_.size()) +
                  " bytes early; was it written by another version of this type?");
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::string_view rest_;
};

}  // namespace backstage
