#include "daemon/wire/line.hpp"

#include <algorithm>
#include <cstring>

namespace backstage::wire {
namespace {

constexpr std::uint64_t every_byte(std::uint64_t byte) { return byte * 0x0101010101010101U; }

constexpr bool is_line_char(char c) noexcept { return c >= ' ' && c <= '~'; }

// All of 0x20..0x7e. Eight bytes at a time: half the cost of decoding a short SEND was here.
bool is_line_text(std::string_view text) noexcept {
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, at, 8);
    const std::uint64_t below = (bytes - every_byte(0x20)) & ~bytes;
    const std::uint64_t above = (bytes + every_byte(0x01)) | bytes;
    if (((below | above) & every_byte(0x80)) != 0) return false;
  }
  return std::all_of(at, at + left, is_line_char);
}

}  // namespace

std::string_view line_fault(std::string_view control) noexcept {
  if (control.empty()) return "the control line is empty; it begins with a verb";
  if (control.size() > control_bytes_max) {
    return "the control line is over 1024 bytes; the payload begins after the first LF, or is the "
           "second frame";
  }
  if (!is_line_text(control)) {
    if (control.back() == '\r') return "the control line ends in CR LF; end it with LF alone";
    return "the control line has a byte outside 0x20..0x7e; write other bytes of a name as %XX";
  }
  if (control.front() == ' ' || control.back() == ' ' ||
      control.find("  ") != std::string_view::npos) {
    return "words are split by exactly one space, with none at either end";
  }
  return {};
}

std::uint64_t find_id(std::string_view control) noexcept {
  Words words(control.substr(0, control_bytes_max));
  while (!words.empty()) {
    const std::string_view word = words.next();
    if (!word.starts_with("id=")) continue;
    if (const auto id = parse_id(word.substr(3))) return *id;
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
