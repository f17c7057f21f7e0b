/// Healthcheck: is the daemon of this configuration serving? For containers and scripts.
#pragma once
#include "daemon/config_load.hpp"

namespace backstage::daemon {

/// Finds the endpoint in runtime_dir/endpoints.json and PINGs it. Prints one line; returns 0, or
/// exit_code::unavailable. [main]
[[nodiscard]] int healthcheck(const Config& config, const Environment& environment);

}  // namespace backstage::daemon
