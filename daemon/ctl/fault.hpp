/// Fault: one thing that went wrong for the person at the terminal, and the exit code it ends in.
#pragma once
#include <expected>
#include <string>

namespace backstage::ctl {

/// Exit codes (sysexits.h).
namespace exit_code {
inline constexpr int ok = 0;
inline constexpr int said_no = 1;  ///< send, req, pub, sub, watch, bench: the daemon refused
inline constexpr int usage = 64;
inline constexpr int refused = 65;      ///< a plugin, or a change of one, was refused
inline constexpr int not_found = 66;    ///< no such file, plugin or actor
inline constexpr int unavailable = 69;  ///< no daemon answers
inline constexpr int internal = 70;
inline constexpr int cannot_write = 73;
inline constexpr int try_again = 75;  ///< may be tried again: 429, 503, or not done in time
inline constexpr int permission = 77;
}  // namespace exit_code

/// Codes: CTL-1xx the command line, CTL-2xx files here, CTL-3xx the daemon's answers, CTL-4xx a
/// plugin that was refused, CTL-5xx keys. They keep their meaning for ever.
struct Fault {
  int exit = exit_code::internal;
  std::string code{};
  std::string what{};
  std::string where{};  ///< file, endpoint or id; may be empty
  std::string why{};    ///< may be empty
  std::string next{};   ///< may be empty
};

template <class T>
using Outcome = std::expected<T, Fault>;

/// For people, safe for a terminal whatever the parts hold:
///
///     backstagectl: error[CTL-301]: nobody listens at tcp://127.0.0.1:7770
///       where: ...
///       why: ...
///       next: ...
[[nodiscard]] std::string render(const Fault& fault);
/// `{"error":{"code":...,"what":...,"where":...,"why":...,"next":...}}`, for `-o json`.
[[nodiscard]] std::string render_json(const Fault& fault);

/// The command line says something that it cannot mean: CTL-101. [any]
[[nodiscard]] std::unexpected<Fault> misuse(std::string what,
                                            std::string next = "see backstagectl --help");

}  // namespace backstage::ctl
