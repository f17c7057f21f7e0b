/// Strict JSON with places: duplicate keys, depth and syntax are judged here, with line and column.
#pragma once
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/json_tokens.hpp"
#include "daemon/config/problem.hpp"

namespace backstage::config {

using Json = nlohmann::ordered_json;

inline constexpr std::size_t config_bytes_max = 1U << 20U;
/// Deeper than any sensible plugin config, shallow enough for every recursion over it.
inline constexpr std::size_t config_depth_max = 32;

/// Judges what must hold before parsing: CFG-104 empty, CFG-105 too large, CFG-107 byte order mark,
/// CFG-108 NUL. Empty when all is well.
[[nodiscard]] Problems inspect_text(std::string_view text, const std::string& source);

/// Parses strict JSON into `root`. CFG-109 syntax or encoding, CFG-106 too deep: one problem, and
/// `root` is null. CFG-201 duplicate keys: one problem each, and `root` keeps the first of them, so
/// that the rest can still be judged. [any]
[[nodiscard]] Problems parse_json(std::string_view text, const std::string& source, Json& root);

/// Where a member's key and value stand; array items and the root have no key.
struct Spot {
  Span key;
  Span value;
};

/// Finds JSON pointers in a text that parse_json took; those it does not hold are left out. The
/// value of an object or array is its opening bracket.
[[nodiscard]] std::map<std::string, Spot> locate(std::string_view text,
                                                 const std::vector<std::string>& pointers);

/// Words a syntax error from the text around `at`. `reason` is the parser's own text.
void explain_syntax(Problem& problem, std::string_view text, std::size_t at,
                    std::string_view reason);

}  // namespace backstage::config
