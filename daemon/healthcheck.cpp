#include "daemon/healthcheck.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "daemon/cli.hpp"
#include "daemon/transport/ping.hpp"

namespace backstage::daemon {

int healthcheck(const config::Config& config, const config::Environment& environment) {
  using namespace std::chrono_literals;
  const std::string path =
      config::choose_runtime_dir(config.runtime_dir, environment) + "/endpoints.json";
  std::ifstream file(path);
  const auto endpoints = nlohmann::json::parse(file, nullptr, false);
  const auto cmd = endpoints.is_object() ? endpoints.value("cmd", nlohmann::json::array())
                                         : nlohmann::json::array();
  if (!cmd.is_array() || cmd.empty() || !cmd.front().is_string()) {
    fmt::print(stderr,
               "not serving: {} names no endpoint\n"
               "  next: start backstaged, or give this check the same --config and --set\n",
               path);
    return exit_code::unavailable;
  }
  const auto endpoint = cmd.front().get<std::string>();
  const auto answer = transport::ping(endpoint, 2s);
  if (!answer) {
    fmt::print(stderr, "not serving: {}: {}\n  next: see the daemon's log\n", endpoint,
               answer.error());
    return exit_code::unavailable;
  }
  fmt::print("serving on {}: {}\n", endpoint, *answer);
  return exit_code::ok;
}

}  // namespace backstage::daemon
