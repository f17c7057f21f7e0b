// The command line by CLI11; help text and "did you mean" are ours.
#include "daemon/ctl/options.hpp"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <array>
#include <charconv>

#include "daemon/ctl/options_traffic.hpp"
#include "daemon/text/suggest.hpp"

namespace backstage::ctl {
namespace {

constexpr std::string_view help =
    "backstagectl makes, checks and replaces plugins of backstaged, and asks a running daemon.\n"
    "\n"
    "Plugins, without a daemon:\n"
    "  plugin new NAME [--lang c++|c|rust] [--dir DIR]   a folder with a plugin, its test and "
    "README\n"
    "  plugin check [--no-trial] FILE...                 the daemon's judgement of plugin files;\n"
    "                                                    --no-trial: without loading them once in "
    "a\n"
    "                                                    process of their own\n"
    "\n"
    "Plugins of a running daemon (ID: a plugin's id, or its file name where it says so):\n"
    "  plugin ls                        every file, its state, version and actors\n"
    "  plugin info ID|FILE              all that is known of one\n"
    "  plugin upgrade ID [--file FILE]  put FILE in its place and wait for the outcome;\n"
    "                                   without --file the plugin's file is examined again\n"
    "  plugin rollback ID               back to the version before\n"
    "  plugin retry ID|FILE             examine a refused file again\n"
    "  plugin rm ID                     remove its file and wait until its actors are gone\n"
    "\n"
    "Keys, without a daemon:\n"
    "  keygen [--name NAME] [--dir DIR]   a pair of keys for CURVE, and what to put where\n"
    "\n"
    "The daemon:\n"
    "  actors    every actor: type, phase, mail\n"
    "  stats     the ledger and the counters\n"
    "\n"
    "Messages (PAYLOAD: text, or - or nothing: standard input, with --lines a message a line):\n"
    "  send ACTOR [PAYLOAD]     puts a message into the actor's mailbox\n"
    "  req ACTOR [PAYLOAD]      asks it and writes the reply; --timeout 250ms: give up after that\n"
    "  pub ADDRESS [PAYLOAD]    publishes on actor/topic; --retain: the value stays for later "
    "ones\n"
    "      --type TYPE  --rate N (a second, with --lines)\n"
    "  sub PATTERN...           writes what is published there, until Ctrl-C\n"
    "      --count N  --for 5s  --snap (the retained value first)  --window N  --ack\n"
    "      --over oldest|newest|conflate|kick (what to lose when reading too slowly)\n"
    "  watch ACTOR...           waits until all of them have ended, and says how\n"
    "  bench send|req ACTOR, bench pub ADDRESS   load, and how late it was: --rate N (0: as fast\n"
    "      as it goes)  --count N  --for 10s  --size BYTES  --outstanding N  --type TYPE\n"
    "  All take --name NAME, the session's.\n"
    "\n"
    "Options:\n"
    "  --endpoint ENDPOINT   else $BACKSTAGED_ENDPOINT, else what the daemon wrote to its\n"
    "                        endpoints.json, else tcp://127.0.0.1:7770\n"
    "  --server-key FILE     the daemon's public key, else $BACKSTAGED_SERVER_KEY; with\n"
    "  --key FILE            this client's NAME.key_secret, else $BACKSTAGED_KEY: for endpoints\n"
    "                        that want keys (CURVE)\n"
    "  --timeout TIME        how long to wait for an outcome (30s)\n"
    "  -o, --output FORMAT   text or json; where there is more than one answer, one object a line\n"
    "  --version  -h, --help\n"
    "\n"
    "Exit codes: 0 fine, 1 the daemon refused a message, 64 wrong usage, 65 a plugin or key was "
    "refused,\n"
    "66 no such file or plugin, 69 no daemon answers, 73 cannot write, 75 try again later, 77 not "
    "allowed, 70 internal "
    "error.\n";

constexpr std::array<std::string_view, 3> languages{"c++", "c", "rust"};

struct Given {
  Options options;
  TrafficGiven traffic{};
  std::string output{"text"};
  std::string timeout{"30"};
  bool help = false;
  bool version = false;
};

using Row = TrafficRow;
constexpr std::array<Row, 8> plugin_commands{{{"new", Command::plugin_new},
                                              {"check", Command::plugin_check},
                                              {"ls", Command::plugin_ls},
                                              {"info", Command::plugin_info},
                                              {"upgrade", Command::plugin_upgrade},
                                              {"rollback", Command::plugin_rollback},
                                              {"retry", Command::plugin_retry},
                                              {"rm", Command::plugin_rm}}};
constexpr std::array<Row, 3> own_commands{
    {{"keygen", Command::keygen}, {"actors", Command::actors}, {"stats", Command::stats}}};

void declare_options(CLI::App& app, Given& given) {
  app.set_help_flag();
  app.allow_extras();
  // An actor may have the name of a command.
  app.require_subcommand(0, 1);
  app.add_option("--endpoint", given.options.endpoint)->take_last();
  app.add_option("--server-key", given.options.keys.server)->take_last();
  app.add_option("--key", given.options.keys.own)->take_last();
  app.add_option("--timeout", given.timeout)->take_last();
  app.add_option("-o,--output", given.output)->take_last();
  app.add_flag("--version", given.version);
  app.add_flag("-h,--help", given.help);
}

void declare_command(CLI::App& parent, const Row& row, Given& given) {
  CLI::App* command = parent.add_subcommand(row.name);
  command->set_help_flag();
  command->allow_extras();
  command->fallthrough();
  command->callback([&given, it = row.command] { given.options.command = it; });
  auto& options = given.options;
  switch (row.command) {
    case Command::plugin_new:
      command->add_option("--lang", options.lang)->take_last();
      command->add_option("--dir", options.dir)->take_last();
      break;
    case Command::keygen:
      command->add_option("--name", options.name)->take_last();
      command->add_option("--dir", options.dir)->take_last();
      break;
    case Command::plugin_check:
      command->add_flag("--no-trial{false}", options.is_tried);
      break;
    case Command::plugin_upgrade:
      command->add_option("--file", options.file)->take_last();
      break;
    default:
      if (row.command >= Command::send)
        declare_traffic(*command, row.command, options, given.traffic);
      break;
  }
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> known) {
  const auto close = text::nearest(word, known);
  // An option that another command has is no misspelling.
  return close.empty() || close == word ? std::string{"see backstagectl --help"}
                                        : fmt::format("did you mean {}?", close);
}

std::string nearest_command(std::string_view word, bool is_of_plugin) {
  std::vector<std::string_view> known;
  const auto add = [&known](const auto& rows) {
    for (const auto& row : rows) known.emplace_back(row.name);
  };
  if (is_of_plugin) {
    add(plugin_commands);
  } else {
    add(own_commands);
    add(traffic_commands);
    known.emplace_back("plugin");
  }
  return did_you_mean(word, known);
}

bool is_number(std::string_view word) {
  double value = 0;
  const auto [rest, failed] = std::from_chars(word.data(), word.data() + word.size(), value);
  return failed == std::errc{} && rest == word.data() + word.size();
}

// What CLI11 left over, in the order given: arguments of the command, or mistakes.
Outcome<void> take_arguments(std::vector<std::string> left, Options& options) {
  std::vector<std::string_view> known{"--endpoint", "--server-key", "--key",  "--output",
                                      "--lang",     "--dir",        "--file", "--name",
                                      "--help",     "--version"};
  known.insert(known.end(), traffic_options.begin(), traffic_options.end());
  for (const auto& word : left) {
    // `-` is standard input, -5 a payload.
    if (!word.starts_with('-') || word == "-" || is_number(word)) continue;
    const auto name = word.substr(0, word.find('='));
    return misuse(fmt::format("there is no option {} here", name), did_you_mean(name, known));
  }
  if (options.command >= Command::send) return take_traffic(std::move(left), options);
  if (options.command == Command::plugin_check) {
    if (left.empty()) {
      return misuse("plugin check needs a file", "backstagectl plugin check build/NAME.so");
    }
    options.files = std::move(left);
    return {};
  }
  const bool takes_one = options.command >= Command::plugin_new &&
                         options.command <= Command::plugin_rm &&
                         options.command != Command::plugin_ls;
  if (takes_one && left.empty()) {
    return misuse(options.command == Command::plugin_new ? "plugin new needs a name"
                                                         : "this command needs the id of a plugin",
                  options.command == Command::plugin_new ? "backstagectl plugin new greeter"
                                                         : "backstagectl plugin ls shows the ids");
  }
  if (takes_one) {
    options.name = left.front();
    left.erase(left.begin());
  }
  if (!left.empty()) return misuse(fmt::format("\"{}\" is one argument too many", left.front()));
  return {};
}

Outcome<void> check_values(Given& given) {
  auto& options = given.options;
  if (given.output != "text" && given.output != "json") {
    constexpr std::array<std::string_view, 2> formats{"text", "json"};
    return misuse(fmt::format("\"{}\" is no output format; text or json", given.output),
                  did_you_mean(given.output, formats));
  }
  options.is_json = given.output == "json";
  const auto timeout = to_duration(given.timeout);
  if (!timeout) {
    return misuse(fmt::format("--timeout is a time from 1ms to a day, not \"{}\"", given.timeout),
                  "--timeout 250ms, --timeout 5s or --timeout 5");
  }
  options.timeout = *timeout;
  if (std::ranges::find(languages, options.lang) == languages.end()) {
    return misuse(fmt::format("there is no template in \"{}\"; one of c++, c, rust", options.lang),
                  did_you_mean(options.lang, languages));
  }
  return check_traffic(given.traffic, options);
}

Options text_of(std::string text) {
  Options options;
  options.text = std::move(text);
  return options;
}

}  // namespace

Outcome<Options> parse_arguments(int argc, const char* const* argv, std::string_view version) {
  CLI::App app;
  Given given;
  declare_options(app, given);
  CLI::App* plugin = app.add_subcommand("plugin");
  plugin->set_help_flag();
  plugin->allow_extras();
  plugin->fallthrough();
  plugin->require_subcommand(0, 1);
  for (const auto& row : plugin_commands) declare_command(*plugin, row, given);
  for (const auto& row : own_commands) declare_command(app, row, given);
  for (const auto& row : traffic_commands) declare_command(app, row, given);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return misuse(error.what());
  }
  if (given.help) return text_of(std::string{help});
  if (given.version) return text_of(fmt::format("backstagectl {}\n", version));
  auto left = app.remaining(true);
  if (given.options.command == Command::help) {
    if (left.empty() && plugin->parsed()) return misuse("plugin needs a command, such as ls");
    if (left.empty()) return misuse("a command is missing, such as plugin ls");
    const auto& word = left.front();
    return misuse(
        fmt::format("there is no command \"{}{}\"", plugin->parsed() ? "plugin " : "", word),
        nearest_command(word, plugin->parsed()));
  }
  if (auto taken = take_arguments(std::move(left), given.options); !taken) {
    return std::unexpected(taken.error());
  }
  if (auto checked = check_values(given); !checked) return std::unexpected(checked.error());
  return std::move(given.options);
}

}  // namespace backstage::ctl
