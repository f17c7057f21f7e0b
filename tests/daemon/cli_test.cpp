// The command line: what each argument does, and what is said about the ones that do nothing.
#include <array>

#include "daemon/cli.hpp"
#include "daemon/text/suggest.hpp"
#include "tests/support/catch.hpp"

namespace backstage::daemon {
namespace {

std::expected<Options, Exit> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "backstaged");
  return parse_arguments(static_cast<int>(arguments.size()), arguments.data(),
                         "backstaged 1.2.3 (dev)");
}

}  // namespace

TEST_CASE("without arguments the daemon runs on its defaults", "[cli]") {
  const auto options = parse({});
  REQUIRE(options);
  CHECK(options->action == Action::run);
  CHECK_FALSE(options->source.file);
  CHECK(options->source.overrides.empty());
}

TEST_CASE("arguments become an action, a file and overrides in their order", "[cli]") {
  const auto options = parse({"--config", "a.json", "--check", "--set", "/workers=2", "--log-level",
                              "debug", "--set=/gateway/cmd/bind=[\"x=y\"]"});
  REQUIRE(options);
  CHECK(options->action == Action::check);
  CHECK(options->source.file == "a.json");
  REQUIRE(options->source.overrides.size() == 3);
  CHECK(options->source.overrides[0].assignment == "/workers=2");
  CHECK(options->source.overrides[0].option == "--set /workers=2");
  CHECK(options->source.overrides[1].assignment == "/gateway/cmd/bind=[\"x=y\"]");
  CHECK(options->source.overrides[2].option == "--log-level debug");

  const std::vector<std::pair<const char*, Action>> actions{
      {"--print-config", Action::print_config},
      {"--print-schema", Action::print_schema},
      {"--healthcheck", Action::healthcheck}};
  for (const auto& [argument, action] : actions) {
    const auto given = parse({argument});
    REQUIRE(given);
    CHECK(given->action == action);
  }
  const auto probe = parse({"--probe", "x.so", "--probe-result=3"});
  REQUIRE(probe);
  CHECK(probe->action == Action::probe);
  CHECK(probe->probe_file == "x.so");
  CHECK(probe->probe_result_fd == 3);
  CHECK(parse({"--probe=x.so"})->probe_result_fd == 1);
  CHECK(parse({"--config=b.json"})->source.file == "b.json");
  CHECK(parse({"--config=b.json", "--config", "c.json"})->source.file == "c.json");
}

TEST_CASE("the log level given is the log level had", "[cli]") {
  for (const char* level : {"trace", "debug", "info", "warn", "error", "off"}) {
    const auto options = parse({"--log-level", level});
    REQUIRE(options);
    const auto loaded = config::load_config(options->source, {});
    REQUIRE(loaded);
    CHECK(log::name_of(loaded->values.log.level) == level);
  }
}

TEST_CASE("version and help go to standard output with exit code 0, examples first", "[cli]") {
  const auto version = parse({"--version"});
  REQUIRE_FALSE(version);
  CHECK(version.error().code == 0);
  CHECK(version.error().out == "backstaged 1.2.3 (dev)\n");
  CHECK(version.error().err.empty());
  for (const char* argument : {"--help", "-h"}) {
    const auto help = parse({argument});
    REQUIRE_FALSE(help);
    CHECK(help.error().code == 0);
    CHECK(help.error().err.empty());
    const auto& text = help.error().out;
    CHECK(text.find("Examples:") < text.find("Options:"));
    for (const char* option :
         {"--config FILE", "--set /POINTER=VALUE", "--log-level LEVEL", "--check", "--print-config",
          "--print-schema", "--healthcheck", "--probe FILE", "--probe-result FD", "--version",
          "--help", "Exit codes:"}) {
      CAPTURE(option);
      CHECK(text.find(option) != std::string::npos);
    }
    std::size_t begin = 0;
    for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
      CHECK(end - begin <= 100);
      begin = end + 1;
    }
  }
}

TEST_CASE("a wrong argument is named with exit code 64 and what may have been meant", "[cli]") {
  struct Row {
    std::vector<const char*> arguments;
    const char* what;
    const char* help;
  };
  const std::vector<Row> rows{
      {{"--confg", "a"}, "there is no option --confg", "did you mean --config?"},
      {{"--chekc"}, "there is no option --chekc", "did you mean --check?"},
      {{"--log-levle=debug"}, "there is no option --log-levle", "did you mean --log-level?"},
      {{"--frobnicate"}, "there is no option --frobnicate", "backstaged --help"},
      {{"-x"}, "there is no option -x", "backstaged --help"},
      {{"my.json"}, "\"my.json\" is not an option", "--config my.json"},
      {{"--check", "my.json"}, "\"my.json\" is not an option", "--config my.json"},
      {{"--config"}, "--config", "backstaged --help"},
      {{"--config", ""}, "names no file", "--config FILE"},
      {{"--set"}, "--set", "backstaged --help"},
      {{"--log-level", "inof"}, "\"inof\" is not a log level", "did you mean info?"},
      {{"--log-level", "loud"}, "\"loud\" is not a log level", "trace debug info"},
      {{"--check", "--print-config"}, "exclude each other", "one of them"},
      {{"--print-schema", "--healthcheck"}, "exclude each other", "one of them"},
      {{"--probe", "x.so", "--check"}, "exclude each other", "one of them"},
      {{"--probe", ""}, "--probe names no file", "--probe FILE"},
      {{"--probe-result", "3"}, "of use to --probe only", "--probe FILE --probe-result FD"},
      {{"--probe", "x.so", "--probe-result", "-1"}, "--probe-result", ""},
      {{"\x1b[31mx"}, "\\x1b[31mx", "--config"},
  };
  for (const Row& row : rows) {
    const auto options = parse(row.arguments);
    CAPTURE(row.what);
    REQUIRE_FALSE(options);
    CAPTURE(options.error().err);
    CHECK(options.error().code == 64);
    CHECK(options.error().out.empty());
    CHECK(options.error().err.find("error[CLI-101]") != std::string::npos);
    CHECK(options.error().err.find(row.what) != std::string::npos);
    CHECK(options.error().err.find(row.help) != std::string::npos);
    CHECK(options.error().err.find('\x1b') == std::string::npos);
  }
}

TEST_CASE("one --set takes one value and leaves the next argument alone", "[cli]") {
  const auto options = parse({"--set", "/workers=2", "--check"});
  REQUIRE(options);
  CHECK(options->action == Action::check);
  CHECK_FALSE(parse({"--set", "/workers=2", "/log/level=debug"}));
}

TEST_CASE("the nearest word is found within a third of the word's length", "[cli]") {
  constexpr std::array<std::string_view, 4> known{"workers", "log", "gateway", "types"};
  CHECK(text::nearest("workrs", known) == "workers");
  CHECK(text::nearest("wrokers", known) == "workers");
  CHECK(text::nearest("GATEWAY", known) == "gateway");
  CHECK(text::nearest("lgo", known) == "log");
  CHECK(text::nearest("typo", known).empty());
  CHECK(text::nearest("", known).empty());
  CHECK(text::nearest("completely", known).empty());
  CHECK(text::nearest(std::string(1000, 'x'), known).empty());
  CHECK(text::nearest("log", {}).empty());
}

}  // namespace backstage::daemon
