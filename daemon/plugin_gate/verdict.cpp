// Tokens and texts of the gate's verdicts.
#include "daemon/plugin_gate/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace backstage::plugin_gate {
namespace {

constexpr std::array<std::string_view, code_count> tokens{
    "UNREADABLE",
    "NOT_REGULAR",
    "SYMLINK",
    "NOT_DIRECTORY",
    "BAD_OWNER",
    "WRITABLE_FILE",
    "WRITABLE_DIRECTORY",
    "TOO_LARGE",
    "CHANGING",
    "ELF_TRUNCATED",
    "NOT_ELF",
    "ELF_MALFORMED",
    "WRONG_MACHINE",
    "NOT_SHARED_OBJECT",
    "WRITABLE_CODE",
    "EXEC_STACK",
    "NO_NOTE",
    "NOTE_MALFORMED",
    "NOTE_VERSION",
    "ABI_MAJOR",
    "ABI_MINOR",
    "BAD_ID",
    "BAD_VERSION",
    "BAD_TYPES",
    "NEEDS_ISOLATION",
    "NOT_ALLOWED",
};

}  // namespace

std::string_view token(Code code) noexcept { return tokens[static_cast<std::size_t>(code)]; }

std::optional<Code> code_of(std::string_view token) noexcept {
  const auto found = std::ranges::find(tokens, token);
  if (found == tokens.end()) return std::nullopt;
  return static_cast<Code>(found - tokens.begin());
}

std::string Rejection::text() const {
  return fmt::format("{}: {}; {} [{}]", file, cause, fix, token(code));
}

std::string printable(std::string_view text, std::size_t bytes_max) {
  std::string out;
  for (const char c : text.substr(0, bytes_max)) {
    if (c >= ' ' && c <= '~' && c != '\\') {
      out.push_back(c);
    } else {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  if (text.size() > bytes_max) out += "...";
  return out;
}

}  // namespace backstage::plugin_gate
