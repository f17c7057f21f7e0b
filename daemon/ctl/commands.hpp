/// The commands of backstagectl. Each writes what was asked to stdout and returns the exit code, or
/// says in a Fault what went wrong. [main]
#pragma once
#include <string>

#include "daemon/ctl/options.hpp"

namespace backstage::ctl {

/// Writes DIR/NAME with a plugin, its test and its README, whole or not at all. `share` is the
/// folder that holds templates/.
[[nodiscard]] Outcome<int> plugin_new(const Options& options, const std::string& share);
/// Judges files as the daemon does: by its gate and, if there is a `daemon` program, by a trial in
/// a process of their own. Nothing of them runs in this one.
[[nodiscard]] Outcome<int> plugin_check(const Options& options, const std::string& daemon);

[[nodiscard]] Outcome<int> plugin_ls(const Options& options);
[[nodiscard]] Outcome<int> plugin_info(const Options& options);

[[nodiscard]] Outcome<int> plugin_upgrade(const Options& options);
[[nodiscard]] Outcome<int> plugin_rollback(const Options& options);
[[nodiscard]] Outcome<int> plugin_retry(const Options& options);
[[nodiscard]] Outcome<int> plugin_rm(const Options& options);

/// Writes DIR/NAME.key and DIR/NAME.key_secret, a new pair of keys for CURVE. Overwrites nothing.
[[nodiscard]] Outcome<int> keygen(const Options& options);

[[nodiscard]] Outcome<int> actors(const Options& options);
[[nodiscard]] Outcome<int> stats(const Options& options);

// These end in 1 when the daemon refused something, in 75 when it may take it later.
[[nodiscard]] Outcome<int> send(const Options& options);
[[nodiscard]] Outcome<int> req(const Options& options);
[[nodiscard]] Outcome<int> pub(const Options& options);
/// Until the count is reached, the time is over, or Ctrl-C; a summary goes to stderr.
[[nodiscard]] Outcome<int> sub(const Options& options);
/// Until all have ended, or Ctrl-C.
[[nodiscard]] Outcome<int> watch(const Options& options);
[[nodiscard]] Outcome<int> bench(const Options& options);

}  // namespace backstage::ctl
