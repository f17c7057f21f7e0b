/// Healthcheck: is the daemon of this configuration serving? For containers and scripts.
#pragma once
#include "daemon/config/load.hpp"

namespace backstage::daemon {

/// Finds the endpoint in runtime_dir/endpoints.json and PINGs it. Prints one line; returns 0, or
/// exit_code::unavailable. [main]
[[nodiscard]] int healthcheck(const config::Config& config, const config::Environment& environment);

}  // namespace backstage::daemon
