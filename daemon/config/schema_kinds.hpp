/// The checks behind x-kind: durations, names, endpoints and the like, one function each.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace backstage::config {

/// Why a text is not of its kind; `what` continues the sentence that the text begins.
struct KindFault {
  std::string code{};
  std::string what{};
  std::string help{};
};

/// Bounds of a duration, as the schema writes them; empty for none.
struct KindBounds {
  std::string_view minimum{};
  std::string_view maximum{};
};

/// Judges `text` as `kind`; nothing when it is fine. Throws std::logic_error for an unknown kind.
/// [main]: looks up groups.
[[nodiscard]] std::optional<KindFault> judge_kind(std::string_view kind, std::string_view text,
                                                  KindBounds bounds = {});
/// All kinds that judge_kind knows.
[[nodiscard]] std::vector<std::string_view> kinds();

/// "250ms", "10s", "5m", "1h"; nothing for anything else and for more than 100 years. [any]
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// "{runtime_dir}": what a path in an endpoint may begin with instead of '/'.
inline constexpr std::string_view runtime_dir_mark = "{runtime_dir}";

/// An endpoint in parts.
struct EndpointParts {
  bool is_ipc = false;
  /// tcp: the host as written, without brackets.
  std::string host{};
  /// tcp: 0 for `*`, any free port.
  std::uint16_t port = 0;
  /// ipc: the path as written.
  std::string path{};
};
/// Nothing for what is no tcp or ipc endpoint; does not judge whether the host is loopback. [any]
[[nodiscard]] std::optional<EndpointParts> parse_endpoint(std::string_view text);
/// 127.0.0.0/8, localhost and ::1. [any]
[[nodiscard]] bool is_loopback(std::string_view host);

/// The numbers of the {k} of a name pattern, from the left; nothing when it is no name pattern.
[[nodiscard]] std::optional<std::vector<int>> captures_of(std::string_view name_pattern);

}  // namespace backstage::config
