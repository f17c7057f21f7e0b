/// The command line of backstagectl: which command, with what; or text and an exit code.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/ctl/fault.hpp"

namespace backstage::ctl {

enum class Command : std::uint8_t {
  help,  ///< print `text`, for --help and --version too
  plugin_new,
  plugin_check,
  plugin_ls,
  plugin_info,
  plugin_upgrade,
  plugin_rollback,
  plugin_retry,
  plugin_rm,
  keygen,
  actors,
  stats,
  send,
  req,
  pub,
  sub,
  watch,
  bench,
};

/// What the commands that speak the daemon's own verbs take.
struct Traffic {
  std::vector<std::string> targets{};    ///< an actor, an address, or patterns
  std::optional<std::string> payload{};  ///< not given: standard input
  std::string name{};                    ///< of the session
  std::string type{};
  std::string over{};
  std::string load{};                     ///< of bench: send, req or pub
  std::optional<double> rate{};           ///< messages a second
  std::chrono::milliseconds duration{0};  ///< 0: until something else ends it
  std::uint64_t count = 0;                ///< 0: as above
  std::uint32_t window = 0;
  std::uint32_t size = 64;         ///< bytes
  std::uint32_t outstanding = 64;  ///< not answered yet
  bool is_lines = false;           ///< standard input is a message a line
  bool is_retained = false;
  bool wants_snapshot = false;
  bool is_acked = false;
};

/// Of CURVE; as given, empty: not.
struct KeyFiles {
  std::string server{};  ///< the daemon's public key
  std::string own{};     ///< this client's secret key
};

struct Options {
  Command command = Command::help;
  std::string text{};      ///< of help
  std::string endpoint{};  ///< as given; empty: look for it
  KeyFiles keys{};
  std::chrono::milliseconds timeout{30'000};
  bool is_json = false;

  std::string name{};  ///< of plugin new and keygen; elsewhere the id of a plugin
  std::string lang{"c++"};
  std::string dir{"."};
  std::vector<std::string> files{};  ///< of plugin check
  bool is_tried = true;              ///< plugin check loads the files in a process of their own
  std::string file{};                ///< of plugin upgrade
  Traffic traffic{};
};

/// Reads the arguments; a mistake is a Fault with exit 64 that names what may have been meant.
/// [main]
[[nodiscard]] Outcome<Options> parse_arguments(int argc, const char* const* argv,
                                               std::string_view version);

}  // namespace backstage::ctl
