// Token spans, line and column, and the excerpt that shows a mistake.
#include "daemon/config/json_tokens.hpp"

#include <algorithm>

#include "daemon/text/escape.hpp"

namespace backstage::config {
namespace {

// As much of a line as a terminal shows beside the line number.
constexpr std::size_t excerpt_bytes_max = 88;

constexpr bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
constexpr bool is_continuation(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

std::size_t count_characters(std::string_view text) noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return !is_continuation(c); }));
}

// A tab would move the caret by a terminal's whim.
std::string shown(std::string_view text) {
  std::string flat{text};
  std::ranges::replace(flat, '\t', ' ');
  return text::printable(flat);
}

std::size_t end_of_string(std::string_view text, std::size_t begin) noexcept {
  for (std::size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return text.size();
}

}  // namespace

Span TokenWalker::next() noexcept {
  std::size_t begin = cursor_;
  while (begin < text_.size() &&
         (is_space(text_[begin]) || text_[begin] == ',' || text_[begin] == ':')) {
    ++begin;
  }
  std::size_t end = begin + 1;
  if (begin >= text_.size()) {
    end = begin = text_.size();
  } else if (text_[begin] == '"') {
    end = end_of_string(text_, begin);
  } else if (std::string_view{"{}[]"}.find(text_[begin]) == std::string_view::npos) {
    end = std::min(text_.find_first_of(",:{}[] \t\r\n", begin), text_.size());
  }
  cursor_ = end;
  return {begin, end};
}

std::size_t TokenWalker::failing(std::size_t bytes_read) const noexcept {
  const auto skip_space = [this](std::size_t at) {
    while (at < text_.size() && is_space(text_[at])) ++at;
    return at;
  };
  std::size_t begin = skip_space(cursor_);
  // One separator is the parser's; a second one is the mistake.
  if (begin < text_.size() && (text_[begin] == ',' || text_[begin] == ':') &&
      begin + 1 < bytes_read) {
    begin = skip_space(begin + 1);
  }
  return std::min({begin, bytes_read == 0 ? 0 : bytes_read - 1, text_.size()});
}

Position position_of(std::string_view text, std::size_t offset) noexcept {
  const auto before = text.substr(0, std::min(offset, text.size()));
  const auto lines = static_cast<std::uint32_t>(std::ranges::count(before, '\n'));
  const auto line_begin = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return {lines + 1, static_cast<std::uint32_t>(count_characters(before.substr(line_begin)) + 1)};
}

void place(Problem& problem, std::string_view text, Span where) {
  const auto begin = std::min(where.begin, text.size());
  problem.at = position_of(text, begin);
  const auto before = text.substr(0, begin);
  auto from = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  const auto to = std::min(text.find_first_of("\r\n", begin), text.size());
  std::string cut;
  if (begin - from > excerpt_bytes_max / 2) {
    from = begin - excerpt_bytes_max / 2;
    while (from < begin && is_continuation(text[from])) ++from;
    cut = "...";
  }
  auto until = std::min(to, from + excerpt_bytes_max);
  while (until > begin && until < text.size() && is_continuation(text[until])) --until;
  const auto end = std::clamp(where.end, begin, until);
  // Escaping changes widths, so the caret is placed in the escaped text.
  const auto lead = cut + shown(text.substr(from, begin - from));
  const auto mark = shown(text.substr(begin, end - begin));
  problem.excerpt = lead + mark + shown(text.substr(end, until - end));
  if (until < to) problem.excerpt += "...";
  problem.excerpt_column = static_cast<std::uint32_t>(count_characters(lead) + 1);
  problem.excerpt_width =
      static_cast<std::uint32_t>(std::max<std::size_t>(count_characters(mark), 1));
}

void append_token(std::string& pointer, std::string_view token) {
  pointer += '/';
  for (const char c : token) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
}

}  // namespace backstage::config
