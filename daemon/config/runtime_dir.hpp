/// Directories the daemon lives in: where they are, that they are safe, and what is written there.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/problem.hpp"

namespace backstage::config {

/// What the process was started with; a value, so that tests can give their own.
struct Environment {
  std::optional<std::string> runtime_directory{};  ///< $RUNTIME_DIRECTORY, set by systemd
  std::optional<std::string> state_directory{};    ///< $STATE_DIRECTORY, set by systemd
  std::optional<std::string> xdg_runtime_dir{};
  uid_t uid = 0;

  [[nodiscard]] static Environment of_process();
};

/// The configured directory, else $RUNTIME_DIRECTORY, else $XDG_RUNTIME_DIR/backstaged, else
/// /tmp/backstaged-<uid>. Values that are no absolute paths are passed over. Touches nothing. [any]
[[nodiscard]] std::string choose_runtime_dir(std::string_view configured,
                                             const Environment& environment);
/// The configured directory, else $STATE_DIRECTORY, else the runtime directory. [any]
[[nodiscard]] std::string choose_state_dir(std::string_view configured,
                                           const Environment& environment,
                                           std::string_view runtime_dir);

/// Makes the directory (0700, its parent must exist) or accepts it as it is when it is a directory,
/// no link, ours, and writable by nobody else. RUN-101 cannot be made, RUN-102 no directory,
/// RUN-103 not ours, RUN-104 writable by others. The exit code for these is 77. [main]
[[nodiscard]] std::expected<void, Problem> prepare_directory(const std::string& path,
                                                             const Environment& environment);

/// Where the daemon really listens, for endpoints.json.
struct BoundEndpoints {
  pid_t pid = 0;
  std::string version{};
  std::vector<std::string> cmd{};
  std::vector<std::string> pub{};
  std::vector<std::string> ingest{};
};

/// Writes <dir>/endpoints.json whole or not at all (a new file renamed over the old one):
/// {"pid":1,"version":"0.1.0","cmd":["tcp://127.0.0.1:7770"],"pub":[],"ingest":[]}.
/// RUN-105 when it cannot be written. [main]
[[nodiscard]] std::expected<void, Problem> write_endpoints(const std::string& dir,
                                                           const BoundEndpoints& endpoints);
/// Removes endpoints.json at the end; that it is gone already is fine. [main]
void remove_endpoints(const std::string& dir) noexcept;

/// Where plugins are without a configured directory: <bindir>/../plugins if that exists (a build
/// tree), else <prefix>/lib/backstaged/plugins. `executable` is an absolute path, as
/// executable_path gives it. Never the working directory. [main]
[[nodiscard]] std::string default_plugin_dir(std::string_view executable);
/// This process's executable by /proc/self/exe; empty where there is no /proc. [main]
[[nodiscard]] std::string executable_path();

}  // namespace backstage::config
