/// One mistake a person made: what, where, why, what to do, under a code that never changes.
#pragma once
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <vector>

namespace backstage::config {

/// A place in a text, both from 1; columns count characters, not bytes. 0:0 means no place.
struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  friend bool operator==(const Position&, const Position&) = default;
};

/// Codes: CFG-1xx the file, CFG-2xx one value, CFG-3xx values together, CFG-4xx --set, RUN-1xx the
/// runtime directory, KEY-1xx key files. A code keeps its meaning for ever; retired ones are not
/// used again.
struct Problem {
  std::string code{};
  /// Where it was written: a file name, or the option, such as `--set /workers=-1`.
  std::string source{};
  Position at{};
  /// JSON pointer of the value; empty for the whole document.
  std::string pointer{};
  std::string what{};
  /// What to do next; may be several lines; may be empty.
  std::string help{};
  /// The line of the file and the mistake within it, in characters from 1. Empty without a place.
  std::string excerpt{};
  std::uint32_t excerpt_column = 0;
  std::uint32_t excerpt_width = 0;
};

using Problems = std::vector<Problem>;

/// A mistake that has no place within `source`.
[[nodiscard]] std::unexpected<Problem> refuse(const char* code, const std::string& source,
                                              std::string what, std::string help);

/// More mistakes than this are counted, not shown: nobody reads on, and the text stays small.
inline constexpr std::size_t problems_shown_max = 50;

/// One problem as text for people, safe for a terminal whatever the file held:
///
///     bad.json:3:22: error[CFG-205]: /log/level: "inof" is not one of the allowed values
///         3 |   "log": {"level": "inof"}
///           |                    ^^^^^^ did you mean "info"?
///       help: ...
[[nodiscard]] std::string render(const Problem& problem);
/// All of them, at most problems_shown_max, with a closing line that counts them. [any]
[[nodiscard]] std::string render(std::span<const Problem> problems);

}  // namespace backstage::config
