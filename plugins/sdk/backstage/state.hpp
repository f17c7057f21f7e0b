/// writer and reader: an actor's state as bytes, for upgrades and for actors that sleep while idle.
///
///   void save(writer& out) const { out.put(total_, names_, limits_); }
///   void load(reader& in, unsigned version) { in.get(total_, names_, limits_); }
///
/// Taken are integers, bool, enums, float and double, texts, optional, pair, the containers of std
/// (their elements one by one), and any type with save and load of its own: `void save(writer&)
/// const`, `void load(reader&)`. For others specialise `state_codec`; json.hpp does for JSON.
/// Numbers are little-endian in their own width, texts and containers have a 32-bit count before
/// them: read with the same types, in the same order, as written.
#pragma once
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "backstage/payload.hpp"
#include "backstage/status.hpp"

namespace backstage {

class writer;
class reader;

/// How a type is kept that has no save and load of its own: `static void put(writer&, const T&)`,
/// `static void get(reader&, T&)`.
template <class T>
struct state_codec;

namespace detail {

template <class T>
concept has_state_codec = requires(writer& out, reader& in, const T& from, T& to) {
  state_codec<T>::put(out, from);
  state_codec<T>::get(in, to);
};
template <class T>
concept text_like = std::convertible_to<const T&, std::string_view> && !has_state_codec<T>;
template <class T>
concept optional_like = requires(const T& value, T& other) {
  { value.has_value() } -> std::same_as<bool>;
  *value;
  other.emplace();
  other.reset();
};
template <class T>
concept pair_like = requires(T& value) {
  value.first;
  value.second;
};
template <class T>
concept range_like = requires(const T& value) {
  typename T::value_type;
  value.begin();
  value.end();
  value.size();
};

/// An element to read into: without the const that map gives its keys.
template <class T>
struct element {
  using type = T;
};
template <class K, class V>
struct element<std::pair<const K, V>> {
  using type = std::pair<K, V>;
};

template <std::size_t Size>
using bits_of = std::conditional_t<Size == 4, std::uint32_t, std::uint64_t>;

}  // namespace detail

/// Appends to the saved state. Every function throws backstage::error when the host takes no more.
class writer {
 public:
  explicit writer(bs_sink* sink) noexcept : sink_(sink) {}

  void put(std::string_view text) {
    put_count(text.size());
    write(text);
  }
  template <class T>
    requires(!detail::text_like<T>)
  void put(const T& value) {
    if constexpr (detail::has_state_codec<T>) {
      state_codec<T>::put(*this, value);
    } else if constexpr (requires { value.save(*this); }) {
      value.save(*this);
    } else if constexpr (std::same_as<T, bool>) {
      put_bits(static_cast<std::uint8_t>(value));
    } else if constexpr (std::is_enum_v<T>) {
      put(static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (std::integral<T>) {
      put_bits(static_cast<std::make_unsigned_t<T>>(value));
    } else if constexpr (std::floating_point<T>) {
      static_assert(sizeof(T) == 4 || sizeof(T) == 8, "long double has no one layout");
      put_bits(std::bit_cast<detail::bits_of<sizeof(T)>>(value));
    } else if constexpr (detail::optional_like<T>) {
      put(value.has_value());
      if (value.has_value()) put(*value);
    } else if constexpr (detail::pair_like<T>) {
      put(value.first);
      put(value.second);
    } else {
      static_assert(detail::range_like<T>, "this type cannot be saved: give it save and load");
      put_count(value.size());
      for (const typename T::value_type& item : value) put(item);
    }
  }
  /// One after the other.
  template <class First, class Second, class... Rest>
  void put(const First& first, const Second& second, const Rest&... rest) {
    put(first);
    put(second);
    (put(rest), ...);
  }

 private:
  template <std::unsigned_integral T>
  void put_bits(T bits) {
    char bytes[sizeof(T)];
    for (char& byte : bytes) {
      byte = static_cast<char>(bits & 0xFFU);
      bits = static_cast<T>(static_cast<std::uint64_t>(bits) >> 8U);
    }
    write({bytes, sizeof bytes});
  }
  void put_count(std::size_t count) {
    if (count > std::numeric_limits<std::uint32_t>::max()) {
      throw error(BS_E_TOO_LARGE, "a text or container of the saved state has over 2^32 elements");
    }
    put_bits(static_cast<std::uint32_t>(count));
  }
  void write(std::string_view bytes) {
    const auto& api = *detail::host.api;
    status{api.write(sink_, detail::slice(bytes))}.must();
  }
  bs_sink* sink_;
};

/// Reads what writer wrote. Every function throws backstage::error when the state ends early or
/// holds what cannot be.
class reader {
 public:
  explicit reader(std::string_view bytes) noexcept : rest_(bytes) {}

  template <class T>
  void get(T& value) {
    if constexpr (detail::has_state_codec<T>) {
      state_codec<T>::get(*this, value);
    } else if constexpr (requires { value.load(*this); }) {
      value.load(*this);
    } else if constexpr (std::same_as<T, bool>) {
      value = get_bool();
    } else if constexpr (std::is_enum_v<T>) {
      std::underlying_type_t<T> number{};
      get(number);
      value = static_cast<T>(number);
    } else if constexpr (std::integral<T>) {
      value = static_cast<T>(get_bits<std::make_unsigned_t<T>>());
    } else if constexpr (std::floating_point<T>) {
      value = std::bit_cast<T>(get_bits<detail::bits_of<sizeof(T)>>());
    } else if constexpr (std::same_as<T, std::string>) {
      value = take(get_bits<std::uint32_t>());
    } else if constexpr (detail::optional_like<T>) {
      value.reset();
      if (get_bool()) get(value.emplace());
    } else if constexpr (detail::pair_like<T>) {
      get(value.first);
      get(value.second);
    } else {
      get_range(value);
    }
  }
  /// One after the other.
  template <class First, class Second, class... Rest>
  void get(First& first, Second& second, Rest&... rest) {
    get(first);
    get(second);
    (get(rest), ...);
  }
  [[nodiscard]] std::size_t left() const noexcept { return rest_.size(); }

 private:
  template <std::unsigned_integral T>
  T get_bits() {
    const std::string_view bytes = take(sizeof(T));
    std::uint64_t bits = 0;
    for (std::size_t i = sizeof(T); i-- > 0;) {
      bits = bits << 8U | static_cast<unsigned char>(bytes[i]);
    }
    return static_cast<T>(bits);
  }
  bool get_bool() {
    const auto byte = get_bits<std::uint8_t>();
    if (byte > 1) throw error("the saved state has " + std::to_string(byte) + " for a bool");
    return byte == 1;
  }
  template <class T>
  void get_range(T& range) {
    static_assert(detail::range_like<T>, "this type cannot be loaded: give it save and load");
    const auto count = get_bits<std::uint32_t>();
    // Each element takes a byte at least: a smashed count must not be obeyed for hours.
    if (count > rest_.size()) take(count);
    if constexpr (requires { range.clear(); }) {
      range.clear();
      for (std::uint32_t i = 0; i < count; ++i) {
        typename detail::element<typename T::value_type>::type item{};
        get(item);
        range.insert(range.end(), std::move(item));
      }
    } else {
      if (count != range.size()) {
        throw error("the saved state has " + std::to_string(count) + " elements for an array of " +
                    std::to_string(range.size()));
      }
      for (auto& item : range) get(item);
    }
  }
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
