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

/// One word, and where its first '=' is: a key and a value, or an argument.
struct Word {
  std::string_view text{};
  std::size_t equals = 0;  ///< text.size() without '='

  [[nodiscard]] bool has_equals() const noexcept { return equals < text.size(); }
  /// Has a key before its '='.
  [[nodiscard]] bool is_pair() const noexcept { return has_equals() && equals != 0; }
  [[nodiscard]] std::string_view key() const noexcept { return text.substr(0, equals); }
  /// Only of a word that has_equals.
  [[nodiscard]] std::string_view value() const noexcept { return text.substr(equals + 1); }
};

/// The words of a line that passed `line_fault`. Views into the line. [any], one thread at a time.
class Words {
 public:
  explicit Words(std::string_view line) noexcept : rest_(line) {}

  [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
  /// Takes the next word; empty at the end.
  Word next() noexcept {
    const Word word = peek();
    skip(word);
    return word;
  }
  /// Takes the next word if it is an argument (no '='); empty otherwise.
  std::string_view next_argument() noexcept {
    const Word word = peek();
    if (word.has_equals()) return {};
    skip(word);
    return word.text;
  }

 private:
  // A loop of our own: words are a few bytes, and a call to memchr costs more than they do.
  [[nodiscard]] Word peek() const noexcept {
    std::size_t end = 0;
    std::size_t equals = std::string_view::npos;
    for (; end < rest_.size() && rest_[end] != ' '; ++end) {
      if (rest_[end] == '=' && equals == std::string_view::npos) equals = end;
    }
    return {rest_.substr(0, end), equals < end ? equals : end};
  }
  void skip(const Word& word) noexcept {
    const std::size_t taken = word.text.size();
    rest_.remove_prefix(taken < rest_.size() ? taken + 1 : taken);
  }

  std::string_view rest_;
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
