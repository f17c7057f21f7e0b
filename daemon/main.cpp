// backstaged: parse, load, build, run.
#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "daemon/banner.hpp"
#include "daemon/cli.hpp"
#include "daemon/daemon.hpp"
#include "daemon/healthcheck.hpp"
#include "daemon/plugin_host/probe.hpp"
#include "daemon/version.hpp"

using namespace backstage::daemon;

namespace {

int check(const Config& config) {
  const auto problems = check_keys(config);
  if (problems.empty()) return fmt::print("the configuration is good\n"), 0;
  std::fputs(render(problems).c_str(), stderr);
  return exit_code::config;
}

int act(const Options& options, LoadedConfig config) {
  const auto environment = Environment::of_process();
  if (options.action == Action::check) return check(config.values);
  if (options.action == Action::print_config) return fmt::print("{}\n", config.effective), 0;
  if (options.action == Action::healthcheck) return healthcheck(config.values, environment);
  Log log(options_for(2));
  log.set_level(config.values.log.level);
  apply_format(log, config.values.log);
  return Daemon(std::move(config), options.source, environment, log).run();
}

}  // namespace

int main(int argc, char** argv) try {
  const auto options = parse_arguments(argc, argv, version_line());
  if (!options) {
    std::fputs(options.error().out.c_str(), stdout);
    std::fputs(options.error().err.c_str(), stderr);
    return options.error().code;
  }
  if (options->action == Action::probe) {
    backstage::plugin_host::probe(options->probe_file, options->probe_result_fd);
  }
  if (options->action == Action::print_schema) return fmt::print("{}", config_schema()), 0;
  auto config = load_config(options->source, Environment::of_process());
  if (config) return act(*options, *std::move(config));
  std::fputs(render(config.error()).c_str(), stderr);
  return exit_code::config;
} catch (const std::exception& error) {
  fmt::print(stderr, "backstaged: {}\n  next: please report this\n", error.what());
  return exit_code::internal;
}
