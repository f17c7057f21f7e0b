#include "daemon/wire/line.hpp"

#include <algorithm>
#include <cstring>

namespace backstage::wire {
namespace {

constexpr std::uint64_t every_byte(std::uint64_t byte) { return byte * 0x0101010101010101U; }

constexpr bool is_line_char(char c) noexcept { return c >= ' ' && c <= '~'; }

// Whether any of eight bytes is outside 0x20..0x7e, or a space followed by a space. Borrows and
// carries between bytes only arise beside a byte that is already wrong.
bool is_wrong(const char* at) noexcept {
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, at, 8);
  const std::uint64_t below = (bytes - every_byte(0x20)) & ~bytes;
  const std::uint64_t above = (bytes + every_byte(0x01)) | bytes;
  // 0x80 where the byte is a space; exact, since all bytes are below 0x80 if it matters.
  const std::uint64_t other = (bytes ^ every_byte(0x20)) + every_byte(0x7f);
  const std::uint64_t pairs = ~other & (~other >> 8U) & (every_byte(0x80) >> 8U);
  return ((below | above) & every_byte(0x80)) != 0 || pairs != 0;
}

// Eight bytes at a time: this scan was half the cost of a short SEND. Windows overlap by one, so
// that every pair of neighbours is seen; the last one is moved back to end with the line.
bool is_line_text(std::string_view text) noexcept {
  if (text.size() < 8) {
    return std::all_of(text.begin(), text.end(), is_line_char) &&
           text.find("  ") == std::string_view::npos;
  }
  const char* const last = text.data() + text.size() - 8;
  for (const char* at = text.data(); at < last; at += 7) {
    if (is_wrong(at)) return false;
  }
  return !is_wrong(last);
}

}  // namespace

std::string_view line_fault(std::string_view control) noexcept {
  if (control.empty()) return "the control line is empty; it begins with a verb";
  if (control.size() > control_bytes_max) {
    return "the control line is over 1024 bytes; the payload begins after the first LF, or is the "
           "second frame";
  }
  if (is_line_text(control) && control.front() != ' ' && control.back() != ' ') return {};
  if (control.back() == '\r') return "the control line ends in CR LF; end it with LF alone";
  if (!std::all_of(control.begin(), control.end(), is_line_char)) {
    return "the control line has a byte outside 0x20..0x7e; write other bytes of a name as %XX";
  }
  return "words are split by exactly one space, with none at either end";
}

std::uint64_t find_id(std::string_view control) noexcept {
  Words words(control.substr(0, control_bytes_max));
  while (!words.empty()) {
    const Word word = words.next();
    if (!word.has_equals() || word.key() != "id") continue;
    if (const auto id = parse_id(word.value())) return *id;
  }
  return 0;
}

bool is_error_token(std::string_view word) noexcept {
  if (word.empty() || word.size() > token_bytes_max) return false;
  return std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace backstage::wire
