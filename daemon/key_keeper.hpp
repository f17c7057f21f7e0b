/// KeyKeeper: the daemon's key and its clients', read at the start and looked at while it runs.
#pragma once
#include <expected>
#include <optional>

#include "core/clock.hpp"
#include "daemon/config/config.hpp"
#include "daemon/config/problem.hpp"
#include "daemon/gateway/options.hpp"
#include "daemon/log/log.hpp"
#include "daemon/policy/authorized_keys.hpp"

namespace backstage::daemon {

/// All [main].
class KeyKeeper {
 public:
  /// How often to look: a key that is removed ends what it let in within a second.
  static constexpr Duration look_interval = std::chrono::milliseconds{500};

  KeyKeeper(config::CurveConfig config, log::Log& log);

  /// All keys. KEY-101 to KEY-106: nobody can be let in safely, so the daemon is not to start.
  /// Client keys that cannot be used are logged, and let nobody in.
  [[nodiscard]] std::expected<gateway::CurveOptions, config::Problem> read();
  /// Who is to be let in from now on; nothing if nothing has changed. A directory that can no
  /// longer be trusted lets nobody in.
  [[nodiscard]] std::optional<policy::AuthorizedKeys> look();

 private:
  void tell_refused(const policy::KeyDirectory::Found& found);

  const config::CurveConfig config_;
  log::Log& log_;
  policy::KeyDirectory directory_;
};

/// What is wrong with the key files that `config` names, if anything: for `--check`. [main]
[[nodiscard]] config::Problems check_keys(const config::Config& config);

}  // namespace backstage::daemon
