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
namespace config = backstage::config;

namespace {

int check(const config::Config& values) {
  const auto problems = check_keys(values);
  if (problems.empty()) return fmt::print("the configuration is good\n"), 0;
  std::fputs(config::render(problems).c_str(), stderr);
  return exit_code::config;
}

int act(const Options& options, config::LoadedConfig loaded) {
  const auto environment = config::Environment::of_process();
  if (options.action == Action::check) return check(loaded.values);
  if (options.action == Action::print_config) return fmt::print("{}\n", loaded.effective), 0;
  if (options.action == Action::healthcheck) return healthcheck(loaded.values, environment);
  backstage::log::Log log(backstage::log::options_for(2));
  log.set_level(loaded.values.log.level);
  apply_format(log, loaded.values.log);
  return Daemon(std::move(loaded), options.source, environment, log).run();
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
  if (options->action == Action::print_schema) return fmt::print("{}", config::config_schema()), 0;
  auto loaded = config::load_config(options->source, config::Environment::of_process());
  if (loaded) return act(*options, *std::move(loaded));
  std::fputs(config::render(loaded.error()).c_str(), stderr);
  return exit_code::config;
} catch (const std::exception& error) {
  fmt::print(stderr, "backstaged: {}\n  next: please report this\n", error.what());
  return exit_code::internal;
}
