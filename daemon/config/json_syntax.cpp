// Words the usual mistakes of people who write JSON by hand.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "daemon/config/json_document.hpp"
#include "daemon/text/escape.hpp"
#include "daemon/text/suggest.hpp"

namespace backstage::config {
namespace {

constexpr bool is_word(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '+' || c == '.' || c == '$';
}

std::string_view word_at(std::string_view text, std::size_t at) noexcept {
  std::size_t end = at;
  while (end < text.size() && is_word(text[end])) ++end;
  return text.substr(at, end - at);
}

char last_before(std::string_view text, std::size_t at) noexcept {
  const auto found = text.substr(0, at).find_last_not_of(" \t\r\n");
  return found == std::string_view::npos ? '\0' : text[found];
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) noexcept {
  return std::ranges::find(words, word) != words.end();
}

// The parser's own words without its prefix: `invalid string: ...`.
std::string_view core_of(std::string_view reason) noexcept {
  if (const auto dash = reason.find(" - "); dash != std::string_view::npos) {
    reason.remove_prefix(dash + 3);
  }
  return reason.substr(0, reason.find("; last read"));
}

struct Wording {
  std::string what;
  std::string help;
};

Wording word_literal(std::string_view word) {
  if (is_one_of(word, {"NaN", "nan", "Infinity", "-Infinity", "inf", "-inf", "+Infinity"})) {
    return {fmt::format("{} is not a JSON number", word), "write a number"};
  }
  static constexpr std::array<std::string_view, 3> literals{"true", "false", "null"};
  if (const auto close = text::nearest(word, literals); !close.empty()) {
    return {fmt::format("{} is not JSON", word), fmt::format("did you mean {}?", close)};
  }
  if (is_one_of(word, {"None", "nil", "undefined"})) {
    return {fmt::format("{} is not JSON", word), "did you mean null?"};
  }
  if (!word.empty() && (word[0] == '+' || word[0] == '.' || word[0] == '-')) {
    return {fmt::format("{} is not a JSON number", word),
            "numbers have no leading plus and a digit before and after the point"};
  }
  return {fmt::format("{} is a bare word", word), fmt::format("write \"{}\"", word)};
}

Wording word_number(std::string_view word, std::string_view reason) {
  if (reason.find("out of range") != std::string_view::npos ||
      reason.find("overflow") != std::string_view::npos) {
    return {fmt::format("the number {} is too large", word), "write a smaller number"};
  }
  return {fmt::format("{} is not a JSON number", word),
          "numbers have a digit before and after the point and after the exponent"};
}

Wording word_token(std::string_view text, std::size_t at, std::string_view reason) {
  const char c = text[at];
  const char previous = last_before(text, at);
  if ((c == '}' || c == ']') && previous == ',') {
    return {fmt::format("there is a comma before this {}", c), "remove the trailing comma"};
  }
  if (c == '/' || c == '#') {
    return {"comments are not part of JSON", "remove it, or put the text into a key \"x-comment\""};
  }
  if (c == '\'') return {"a single quote begins no JSON text", "write \"double quotes\""};
  if (reason.find("end of input") != std::string_view::npos &&
      reason.find("expected end of input") != std::string_view::npos) {
    return {"something follows the end of the document", "the file holds one JSON object only"};
  }
  if (reason.find("parsing object key") != std::string_view::npos) {
    if (is_word(c)) return word_literal(word_at(text, at));
    return {
        fmt::format("a key in double quotes is expected here, not {}", text::printable({&c, 1})),
        ""};
  }
  if (reason.find("parsing object separator") != std::string_view::npos) {
    return {"a ':' is missing before this", "a member is written \"key\": value"};
  }
  if (reason.find("invalid literal") != std::string_view::npos) {
    return word_literal(word_at(text, at));
  }
  if (reason.find("parsing object -") != std::string_view::npos ||
      reason.find("parsing array -") != std::string_view::npos) {
    return {"a ',' is missing before this, or a closing bracket", ""};
  }
  return {fmt::format("a value is expected here, not {}", text::printable({&c, 1})), ""};
}

}  // namespace

void explain_syntax(Problem& problem, std::string_view text, std::size_t at,
                    std::string_view reason) {
  Wording wording;
  Span span{at, at + 1};
  if (reason.find("invalid string") != std::string_view::npos) {
    wording = {std::string{core_of(reason)}, "write it as an escape, such as \\n, \\\" or \\u00e9"};
    if (reason.find("missing closing quote") != std::string_view::npos) {
      wording.help = "close the text with a double quote";
    }
  } else if (at >= text.size() ||
             text.substr(at).find_first_not_of(" \t\r\n") == std::string_view::npos) {
    wording = {"the file ends before the document does",
               "close every text, array and object that is open"};
  } else if ((text[at] >= '0' && text[at] <= '9') || text[at] == '-') {
    const auto word = word_at(text, at);
    span.end = at + std::max<std::size_t>(word.size(), 1);
    const bool is_number = reason.find("invalid number") != std::string_view::npos ||
                           reason.find("out of range") != std::string_view::npos ||
                           reason.find("overflow") != std::string_view::npos;
    if (!is_number) {
      wording = word_token(text, at, reason);
    } else if (word.starts_with("-I") || word.starts_with("-i") || word.starts_with("-N")) {
      wording = word_literal(word);
    } else {
      wording = word_number(word, reason);
    }
  } else {
    span.end = at + std::max<std::size_t>(word_at(text, at).size(), 1);
    wording = word_token(text, at, reason);
  }
  problem.what = std::move(wording.what);
  problem.help = std::move(wording.help);
  place(problem, text, span);
}

}  // namespace backstage::config
