/// Globs of access rules: `*` stands for any run of bytes, the empty one too; all else for itself.
///
/// Patterns are those of SUB: `*` for the whole actor or one token of the topic, a final `>` for
/// the rest.
#pragma once
#include <string_view>

namespace backstage::policy {

/// Whether `glob` matches `text`, which has no wildcards. [any]
[[nodiscard]] bool glob_matches(std::string_view glob, std::string_view text) noexcept;
/// Whether `glob` matches every address that `pattern` can match. [any]
[[nodiscard]] bool glob_covers(std::string_view glob, std::string_view pattern);
/// Whether some address is matched by both. [any]
[[nodiscard]] bool glob_overlaps(std::string_view glob, std::string_view pattern);
/// Whether `text` holds a wildcard of SUB: no name can hold either byte. [any]
[[nodiscard]] constexpr bool has_wildcard(std::string_view text) noexcept {
  return text.find_first_of("*>") != std::string_view::npos;
}

}  // namespace backstage::policy
