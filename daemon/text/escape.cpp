// A strict UTF-8 reader that says of each character whether a terminal may see it.
#include "daemon/text/escape.hpp"

#include <cstdint>

namespace backstage::text {
namespace {

bool is_safe(std::uint32_t point) noexcept {
  if (point < 0x20 || (point >= 0x7f && point <= 0x9f)) return false;
  if (point == 0x061c || point == 0x200e || point == 0x200f || point == 0xfeff) return false;
  if (point >= 0x2028 && point <= 0x202e) return false;
  return !(point >= 0x2066 && point <= 0x2069);
}

std::size_t sequence_length(unsigned char lead) noexcept {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 0;
}

std::string escaped(std::string_view text, bool double_backslash) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Unit unit = first_unit(text);
    if (!unit.safe) {
      append_hex(out, unit.bytes);
    } else {
      if (double_backslash && unit.bytes == "\\") out += '\\';
      out += unit.bytes;
    }
    text.remove_prefix(unit.bytes.size());
  }
  return out;
}

}  // namespace

Unit first_unit(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {text.substr(0, 1), is_safe(lead)};
  const std::size_t length = sequence_length(lead);
  if (length == 0 || text.size() < length) return {text.substr(0, 1), false};
  std::uint32_t point = lead & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return {text.substr(0, 1), false};
    point = (point << 6U) | (byte(i) & 0x3fU);
  }
  // Overlong forms, surrogates and what lies beyond Unicode are not UTF-8.
  const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  if (overlong || (point >= 0xd800 && point <= 0xdfff) || point > 0x10ffff) {
    return {text.substr(0, 1), false};
  }
  return {text.substr(0, length), is_safe(point)};
}

void append_hex(std::string& out, std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += "\\x";
    out += digits[byte >> 4U];
    out += digits[byte & 0xfU];
  }
}

std::string escape(std::string_view text) { return escaped(text, true); }
std::string printable(std::string_view text) { return escaped(text, false); }

}  // namespace backstage::text
