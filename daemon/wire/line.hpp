/// The grammar of a control line, below verbs: characters, words, keys, numbers.
///
///   CTL = VERB *( SP arg ) *( SP key "=" value )      0x21..0x7e, single spaces, <= 1024 bytes
///
/// A word with '=' is a key and a value; words without come first. Used by both directions.
#pragma once
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/wire/format.hpp"

namespace backstage::wire {

/// Up to seven letters as one integer, so that a word is found by one switch; the leading 1 keeps
/// words of different lengths apart. Longer words give 0. [any]
[[nodiscard]] constexpr std::uint64_t packed(std::string_view word) noexcept {
  if (word.size() > 7) return 0;
  std::uint64_t bits = 1;
  for (const char c : word) bits = (bits << 8U) | static_cast<unsigned char>(c);
  return bits;
}

/// What breaks the grammar of the line as a whole, as a sentence with its remedy; empty when
/// nothing does. [any]
[[nodiscard]] std::string_view line_fault(std::string_view control) noexcept;

/// The value of the line's first well-formed `id=` word, 0 if none: so that a refusal can name the
/// command even when the rest of the line is broken. Looks at control_bytes_max bytes. [any]
[[nodiscard]] std::uint64_t find_id(std::string_view control) noexcept;

/// The words of a line that passed `line_fault`. Views into the line. [any], one thread at a time.
class Words {
 public:
  explicit Words(std::string_view line) noexcept : rest_(line) {}

  [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
  /// Takes the next word; empty at the end.
  std::string_view next() noexcept {
    const auto space = rest_.find(' ');
    const auto word = rest_.substr(0, space);
    rest_ = space == std::string_view::npos ? std::string_view{} : rest_.substr(space + 1);
    return word;
  }
  /// Takes the next word if it is an argument (no '='); empty otherwise.
  std::string_view next_argument() noexcept {
    const auto word = rest_.substr(0, rest_.find(' '));
    if (word.find('=') != std::string_view::npos) return {};
    return next();
  }

 private:
  std::string_view rest_;
};

/// A word split at its first '='. `is_pair` is false for a word without '=' or without a key.
struct KeyValue {
  explicit KeyValue(std::string_view word) noexcept {
    const auto equals = word.find('=');
    is_pair = equals != std::string_view::npos && equals != 0;
    key = word.substr(0, equals);
    if (equals != std::string_view::npos) value = word.substr(equals + 1);
  }
  std::string_view key;
  std::string_view value;
  bool is_pair = false;
};

/// Decimal digits only: no sign, no leading zero (but `0`), within `min` .. `max`. [any]
template <class Number>
[[nodiscard]] std::optional<Number> parse_number(std::string_view word, Number min,
                                                 Number max) noexcept {
  Number number = 0;
  const char* const end = word.data() + word.size();
  if (word.empty() || (word.front() == '0' && word.size() > 1)) return std::nullopt;
  const auto [stop, error] = std::from_chars(word.data(), end, number);
  if (error != std::errc{} || stop != end || number < min || number > max) return std::nullopt;
  return number;
}

/// Ids, rids: 1 .. 2^63-1. [any]
[[nodiscard]] inline std::optional<std::uint64_t> parse_id(std::string_view word) noexcept {
  return parse_number<std::uint64_t>(word, 1, id_max);
}

/// A token of an error: 1*64 of a-z 0-9 _. [any]
[[nodiscard]] bool is_error_token(std::string_view word) noexcept;

// --- Writing: each appends to a line that the caller reuses, so a steady state allocates nothing.

inline void append_number(std::string& out, std::uint64_t number) {
  char digits[std::numeric_limits<std::uint64_t>::digits10 + 1];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), number).ptr;
  out.append(digits, end);
}
inline void append_word(std::string& out, std::string_view word) {
  out.append(1, ' ').append(word);
}
inline void append_word(std::string& out, std::uint64_t number) {
  out.push_back(' ');
  append_number(out, number);
}
/// ` key=value`; the key is given with its '='.
template <class Value>
void append_pair(std::string& out, std::string_view key, Value value) {
  append_word(out, key);
  if constexpr (std::is_integral_v<Value>) {
    append_number(out, value);
  } else {
    out.append(value);
  }
}

}  // namespace backstage::wire
