// Short hands of the wire tests: decode or fail with the refusal's text, compose and encode to
// text.
#pragma once
#include <string>
#include <string_view>

#include "daemon/wire/compose.hpp"
#include "daemon/wire/decode.hpp"
#include "daemon/wire/encode.hpp"
#include "tests/support/catch.hpp"

namespace backstage::wire::test {

// The command of a line that must be good. `line` must outlive the command.
template <class Verb>
Verb good(std::string_view line) {
  const auto decoded = decode(line);
  INFO(line);
  INFO((decoded ? "" : decoded.error().text));
  REQUIRE(decoded.has_value());
  REQUIRE(std::holds_alternative<Verb>(*decoded));
  return std::get<Verb>(*decoded);
}

// The ERR line of a line that must be refused.
inline std::string refusal_line(std::string_view line) {
  const auto decoded = decode(line);
  if (decoded) return "accepted: " + std::string(line);
  std::string out;
  encode(out, decoded.error());
  return out;
}

inline std::string refusal_text(std::string_view line) {
  const auto decoded = decode(line);
  return decoded ? "accepted: " + std::string(line) : decoded.error().text;
}

inline std::string composed(const Command& command) {
  std::string out;
  compose(out, command);
  return out;
}

template <class Answered>
std::string encoded(const Answered& answer) {
  std::string out;
  encode(out, answer);
  return out;
}

}  // namespace backstage::wire::test
