/// The command line of backstaged: what to do, with which config; or text and an exit code.
#pragma once
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "daemon/config/load.hpp"

namespace backstage::daemon {

/// Exit codes of the process (sysexits.h).
namespace exit_code {
inline constexpr int ok = 0;
inline constexpr int usage = 64;
inline constexpr int unavailable = 69;  ///< an endpoint cannot be bound; health check unanswered
inline constexpr int internal = 70;
inline constexpr int abandoned = 75;  ///< some actors did not end in time and were left behind
inline constexpr int permission = 77;
inline constexpr int config = 78;
}  // namespace exit_code

enum class Action : std::uint8_t { run, check, print_config, print_schema, healthcheck, probe };

struct Options {
  Action action = Action::run;
  config::ConfigSource source;
  /// Of --probe: the plugin, and the descriptor that its result goes to.
  std::string probe_file{};
  int probe_result_fd = 1;
};

/// Nothing to run: what to print, and where. One of both texts is empty.
struct Exit {
  int code = exit_code::ok;
  std::string out{};
  std::string err{};
};

/// Reads the arguments. --help and --version are an Exit with code 0; a mistake is one with code
/// 64, which names it, and the option that may have been meant. `version` is what --version prints,
/// without a newline. [main]
[[nodiscard]] std::expected<Options, Exit> parse_arguments(int argc, const char* const* argv,
                                                           std::string_view version);

}  // namespace backstage::daemon
