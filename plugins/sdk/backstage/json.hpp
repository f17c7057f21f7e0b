/// JSON for plugins that want it, over nlohmann::json (Debian: nlohmann-json3-dev): as bodies, in
/// configs, in the saved state. plugin.hpp does not include this header.
///
///   struct Add { int step = 0; };
///   NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Add, step)
///
///   void add(const Add& wanted, context& ctx);     // a method of dispatch: reads {"step": 5}
///   ctx.reply(Add{5});                             // sends {"step":5}
///   const backstage::json_config settings{given};  // in a constructor
///   settings.get<double>("/limits/rate", 0.5);
///
/// Numbers are never bent to fit: 1.5 and 300 are no std::uint8_t. What is wrong is refused with a
/// sentence that names the place. [any-thread]
#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "backstage/config.hpp"
#include "backstage/message.hpp"
#include "backstage/state.hpp"

namespace backstage {

using json = nlohmann::json;

namespace detail {

/// What nlohmann says, without its own name and number before it.
[[nodiscard]] inline std::string plain(const nlohmann::json::exception& thrown) {
  const std::string_view text = thrown.what();
  const auto head = text.find("] ");
  return std::string{head == std::string_view::npos ? text : text.substr(head + 2)};
}

[[nodiscard]] inline error not_json(std::string_view what, std::string_view wanted,
                                    const json& got) {
  std::string shown = got.dump(-1, ' ', true, json::error_handler_t::replace);
  if (shown.size() > 64) shown.replace(64, std::string::npos, "...");
  return {BS_E_ARG,
          std::string{what} + " must be " + std::string{wanted} + ", not " + std::move(shown)};
}

template <std::integral T>
[[nodiscard]] bool holds_integer(const json& from) noexcept {
  if (from.is_number_unsigned()) return std::in_range<T>(from.get<std::uint64_t>());
  return from.is_number_integer() && std::in_range<T>(from.get<std::int64_t>());
}

/// `what` names the value in errors.
template <class T>
[[nodiscard]] T from_json_value(std::string_view what, const json& from) {
  if constexpr (std::same_as<T, json>) {
    return from;
  } else if constexpr (std::same_as<T, bool>) {
    if (!from.is_boolean()) throw not_json(what, "true or false", from);
  } else if constexpr (std::integral<T>) {
    if (!holds_integer<T>(from)) {
      throw not_json(what,
                     "an integer from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
                         std::to_string(std::numeric_limits<T>::max()),
                     from);
    }
  } else if constexpr (std::floating_point<T>) {
    if (!from.is_number()) throw not_json(what, "a number", from);
  } else if constexpr (std::same_as<T, std::string>) {
    if (!from.is_string()) throw not_json(what, "a text", from);
  } else if constexpr (requires(T& list, typename T::value_type item) { list.push_back(item); }) {
    if (!from.is_array()) throw not_json(what, "a list", from);
    T list;
    for (std::size_t i = 0; i < from.size(); ++i) {
      const std::string place = std::string{what} + "[" + std::to_string(i) + "]";
      list.push_back(from_json_value<typename T::value_type>(place, from[i]));
    }
    return list;
  }
  try {
    return from.get<T>();
  } catch (const json::exception& bad) {
    throw error(BS_E_ARG, std::string{what} + " does not fit: " + plain(bad));
  }
}

[[nodiscard]] inline json parsed(std::string_view what, std::string_view text) {
  try {
    return json::parse(text);
  } catch (const json::exception& bad) {
    throw error(BS_E_ARG, std::string{what} + " is not JSON: " + plain(bad));
  }
}

/// Types that nlohmann::json converts both ways, and that this SDK does not read by itself.
template <class T>
concept json_type =
    std::is_class_v<T> && std::default_initializable<T> &&
    !std::convertible_to<const T&, std::string_view> && !std::same_as<T, payload> &&
    requires(const T& value, json& any) { nlohmann::adl_serializer<T>::to_json(any, value); } &&
    requires(const json& any, T& value) { nlohmann::adl_serializer<T>::from_json(any, value); };

}  // namespace detail

/// A body of JSON. What does not parse or lacks a part is refused by dispatch, with the reason.
template <class T>
  requires std::same_as<T, json> || detail::json_type<T>
struct codec<T> {
  static std::string encode(const T& value) {
    return json(value).dump(-1, ' ', false, json::error_handler_t::replace);
  }
  static T decode(std::string_view body) {
    return detail::from_json_value<T>("the body", detail::parsed("the body", body));
  }
};

/// JSON in the saved state, as its text.
template <>
struct state_codec<json> {
  static void put(writer& out, const json& value) { out.put(value.dump()); }
  static void get(reader& in, json& value) {
    std::string text;
    in.get(text);
    value = detail::parsed("a part of the saved state", text);
  }
};

/// A config as the whole of JSON: nested settings, fractions, lists. Copies the text.
class json_config {
 public:
  /// Throws backstage::error (BS_E_ARG) when there is a text and it is no JSON object.
  explicit json_config(const config& given)
      : whole_(given.text().empty() ? json::object() : detail::parsed("the config", given.text())) {
    if (!whole_.is_object()) throw detail::not_json("the config", "an object", whole_);
  }

  /// `place` is a key, or a JSON pointer into nested ones: "rate", "/limits/rate", "/hosts/0".
  /// The fallback when there is nothing; throws backstage::error when it is of another kind.
  template <class T>
  [[nodiscard]] T get(std::string_view place, T fallback) const {
    const json* found = find(place);
    return found == nullptr ? std::move(fallback)
                            : detail::from_json_value<T>(named(place), *found);
  }
  [[nodiscard]] std::string get(std::string_view place, const char* fallback) const {
    return get(place, std::string{fallback});
  }
  /// As above; throws when there is nothing.
  template <class T>
  [[nodiscard]] T required(std::string_view place) const {
    const json* found = find(place);
    if (found == nullptr) throw error(BS_E_ARG, named(place) + " is missing");
    return detail::from_json_value<T>(named(place), *found);
  }
  /// Refuses top-level keys that are not in the list: a misspelt one must not be passed over.
  void allow_only(std::initializer_list<std::string_view> keys) const {
    for (const auto& [key, value] : whole_.items()) {
      bool is_known = false;
      std::string known;
      for (const auto name : keys) {
        is_known = is_known || name == key;
        known += (known.empty() ? "" : ", ") + std::string{name};
      }
      if (!is_known) throw error(BS_E_ARG, named(key) + " is unknown; known are " + known);
    }
  }
  [[nodiscard]] const json& whole() const noexcept { return whole_; }

 private:
  static std::string named(std::string_view place) {
    return "config key \"" + std::string{place} + "\"";
  }
  [[nodiscard]] const json* find(std::string_view place) const {
    if (!place.starts_with('/')) {
      const auto found = whole_.find(std::string{place});
      return found == whole_.end() ? nullptr : &*found;
    }
    try {
      const json::json_pointer pointer{std::string{place}};
      return whole_.contains(pointer) ? &whole_.at(pointer) : nullptr;
    } catch (const json::exception& bad) {
      throw error(BS_E_ARG, named(place) + " is no JSON pointer: " + detail::plain(bad));
    }
  }

  json whole_;
};

}  // namespace backstage
