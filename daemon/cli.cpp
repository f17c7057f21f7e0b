// The command line by CLI11; examples and "did you mean" are ours.
#include "daemon/cli.hpp"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <array>
#include <vector>

#include "daemon/text/escape.hpp"
#include "daemon/text/suggest.hpp"

namespace backstage::daemon {
namespace {

constexpr std::string_view examples =
    "Examples:\n"
    "  backstaged                                      start on loopback with the defaults\n"
    "  backstaged --config backstaged.json             start with a config file\n"
    "  backstaged --config backstaged.json --check     judge the file, start nothing\n"
    "  backstaged --print-config > backstaged.json     the defaults as a file to edit\n"
    "  backstaged --set /workers=2 --log-level debug   single values without a file\n"
    "  backstaged --set '/gateway/cmd/bind=[\"tcp://127.0.0.1:*\"]'   any free port\n";

constexpr std::string_view exit_codes =
    "Exit codes: 0 fine, 64 wrong usage, 69 an endpoint cannot be bound (or, for --healthcheck, "
    "no\n"
    "answer), 70 internal error, 77 a directory is not safe to use, 78 wrong config.\n";

constexpr std::array<std::string_view, 6> levels{"trace", "debug", "info", "warn", "error", "off"};

struct Given {
  std::string config;
  std::vector<std::string> sets;
  std::string level;
  std::string probe;
  int probe_result = 1;
  bool check = false;
  bool print_config = false;
  bool print_schema = false;
  bool healthcheck = false;
  bool version = false;
  bool help = false;
};

void declare(CLI::App& app, Given& given) {
  app.set_help_flag();
  app.add_option("--config", given.config, "config file (JSON); without it the defaults hold")
      ->type_name("FILE")
      ->take_last();
  app.add_option("--set", given.sets, "one config value, over the file's; repeatable")
      ->type_name("/POINTER=VALUE")
      ->allow_extra_args(false)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--log-level", given.level, "trace debug info warn error off")
      ->type_name("LEVEL")
      ->take_last();
  app.add_flag("--check", given.check, "judge config and plugins, start nothing");
  app.add_flag("--print-config", given.print_config, "print the effective config as JSON");
  app.add_flag("--print-schema", given.print_schema, "print the JSON Schema of the config");
  app.add_flag("--healthcheck", given.healthcheck, "ask the running daemon whether it is well");
  app.add_option("--probe", given.probe, "load one plugin in this process, report, end")
      ->type_name("FILE")
      ->take_last();
  app.add_option("--probe-result", given.probe_result, "where --probe reports to; standard: 1")
      ->type_name("FD")
      ->check(CLI::Range(0, 1023))
      ->take_last();
  app.add_flag("--version", given.version, "print the version");
  app.add_flag("-h,--help", given.help, "print this");
}

std::string help_text(const CLI::App& app) {
  std::string text = "backstaged hosts actors and lets any process talk to them over ZeroMQ.\n\n";
  text += examples;
  text += "\nOptions:\n";
  for (const CLI::Option* option : app.get_options()) {
    auto name = option->get_name(false, true);
    std::ranges::replace(name, ',', ' ');
    if (option->get_items_expected_max() > 0) name += ' ' + option->get_type_name();
    text += fmt::format("  {:<24} {}\n", name, option->get_description());
  }
  return text + '\n' + std::string{exit_codes};
}

std::unexpected<Exit> usage(std::string_view what, std::string_view help) {
  std::string text = fmt::format("backstaged: error[CLI-101]: {}\n", text::printable(what));
  if (!help.empty()) text += fmt::format("  help: {}\n", text::printable(help));
  text += "  usage: backstaged --help\n";
  return std::unexpected(Exit{exit_code::usage, {}, std::move(text)});
}

std::unexpected<Exit> refuse_extra(const CLI::App& app, const std::string& argument) {
  if (!argument.starts_with('-')) {
    return usage(fmt::format("\"{}\" is not an option", argument),
                 fmt::format("a config file is given as --config {}", argument));
  }
  const auto word = argument.substr(0, argument.find('='));
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  const std::vector<std::string_view> known(names.begin(), names.end());
  const auto close = text::nearest(word, known);
  return usage(fmt::format("there is no option {}", word),
               close.empty() ? "" : fmt::format("did you mean {}?", close));
}

std::expected<Options, Exit> options_of(const CLI::App& app, const Given& given,
                                        std::string_view version) {
  if (given.help) return std::unexpected(Exit{exit_code::ok, help_text(app), {}});
  if (given.version) return std::unexpected(Exit{exit_code::ok, std::string{version} + '\n', {}});
  Options options;
  const std::array<std::pair<bool, Action>, 5> actions{
      {{given.check, Action::check},
       {given.print_config, Action::print_config},
       {given.print_schema, Action::print_schema},
       {given.healthcheck, Action::healthcheck},
       {app.count("--probe") != 0, Action::probe}}};
  for (const auto& [is_given, action] : actions) {
    if (!is_given) continue;
    if (options.action != Action::run) {
      return usage(
          "--check, --print-config, --print-schema, --healthcheck and --probe exclude each other",
          "give one of them");
    }
    options.action = action;
  }
  if (app.count("--probe") != 0) {
    if (given.probe.empty()) return usage("--probe names no file", "--probe FILE");
    options.probe_file = given.probe;
    options.probe_result_fd = given.probe_result;
  } else if (app.count("--probe-result") != 0) {
    return usage("--probe-result is of use to --probe only", "--probe FILE --probe-result FD");
  }
  if (app.count("--config") != 0) {
    if (given.config.empty()) return usage("--config names no file", "--config FILE");
    options.source.file = given.config;
  }
  for (const auto& set : given.sets) options.source.overrides.push_back({set, "--set " + set});
  if (app.count("--log-level") != 0) {
    if (std::ranges::find(levels, given.level) == levels.end()) {
      const auto close = text::nearest(given.level, levels);
      return usage(fmt::format("\"{}\" is not a log level", given.level),
                   close.empty() ? "one of trace debug info warn error off"
                                 : fmt::format("did you mean {}?", close));
    }
    // As a string in quotes: the schema decides, and no level can be taken for a JSON word.
    options.source.overrides.push_back(
        {"/log/level=\"" + given.level + '"', "--log-level " + given.level});
  }
  return options;
}

}  // namespace

std::expected<Options, Exit> parse_arguments(int argc, const char* const* argv,
                                             std::string_view version) {
  CLI::App app;
  Given given;
  declare(app, given);
  app.allow_extras();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return usage(error.what(), "");
  }
  if (const auto extra = app.remaining(); !extra.empty()) return refuse_extra(app, extra.front());
  return options_of(app, given, version);
}

}  // namespace backstage::daemon
