/// Where JSON tokens are in a text: follows the parser's events, which carry no positions.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "daemon/config/problem.hpp"

namespace backstage::config {

/// Bytes [begin, end) of a text.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Steps through a text token by token, in lockstep with a SAX parser: `next` is called once per
/// event that stands for a token other than ',' and ':'. The parser vouches for every token that it
/// has reported, so this need not judge. Borrows the text.
class TokenWalker {
 public:
  explicit TokenWalker(std::string_view text) noexcept : text_(text) {}
  [[nodiscard]] Span next() noexcept;
  /// Start of the token that the parser could not take, having read `bytes_read` bytes.
  [[nodiscard]] std::size_t failing(std::size_t bytes_read) const noexcept;

 private:
  std::string_view text_;
  std::size_t cursor_ = 0;
};

[[nodiscard]] Position position_of(std::string_view text, std::size_t offset) noexcept;

/// Fills the problem's place and excerpt; `where` may reach beyond the line, the excerpt does not.
void place(Problem& problem, std::string_view text, Span where);

/// Appends `/token`, escaped as RFC 6901 wants it.
void append_token(std::string& pointer, std::string_view token);

}  // namespace backstage::config
