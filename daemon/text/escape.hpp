/// Escaping for logs and terminals: no name or payload can forge a line, a colour or a direction.
#pragma once
#include <string>
#include <string_view>

namespace backstage::text {

/// The character that `text` begins with, and whether it may be shown as it is. Not safe, each byte
/// to be shown as \xNN: control characters (C0, C1, 0x7f), bytes that are not UTF-8, U+2028 and
/// U+2029 (they end lines), direction marks, U+FEFF.
struct Unit {
  std::string_view bytes;
  bool safe = false;
};
/// `text` must not be empty. [any]
[[nodiscard]] Unit first_unit(std::string_view text) noexcept;

/// Appends \xNN for each byte. [any]
void append_hex(std::string& out, std::string_view bytes);

/// Escapes for a log: as above, and a backslash as two, so that the original can be told. [any]
[[nodiscard]] std::string escape(std::string_view text);
/// Escapes for reading: as above, backslashes left alone. [any]
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace backstage::text
