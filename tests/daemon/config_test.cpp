// Loading a config: defaults, every key, overrides, round trip, files, and what a reload changes.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "daemon/config/load.hpp"
#include "daemon/config/read.hpp"
#include "daemon/config/schema_kinds.hpp"
#include "tests/daemon/temp_dir.hpp"
#include "tests/support/catch.hpp"

namespace backstage::config {
namespace {

using namespace std::chrono_literals;
using daemon::TempDir;

const Environment nowhere{
    .runtime_directory = {}, .state_directory = {}, .xdg_runtime_dir = {}, .uid = 1000};

LoadedConfig load(const std::string& text, const std::vector<Override>& overrides = {},
                  const std::string& name = "/etc/backstaged/good.json") {
  auto loaded = load_config_text(text, name, overrides, nowhere);
  if (!loaded) FAIL(render(loaded.error()));
  return std::move(*loaded);
}

Override set(const std::string& assignment) { return {assignment, "--set " + assignment}; }

constexpr const char* every_key = R"({
  "$schema": "./schema.json", "x-note": "ours",
  "runtime_dir": "/run/b", "workers": 3, "drain_timeout": "5m",
  "spare_workers": 4, "pinned_threads": 5, "turn_budget": "6ms",
  "log": {"level": "debug", "format": "json", "x-why": "reading it by machine"},
  "gateway": {
    "plain_zmtp": "libzmq", "io_threads": 2,
    "cmd": {"bind": ["tcp://127.0.0.1:*",
                     {"endpoint": "ipc:///run/b/c", "mode": "0660", "group": "root"}],
            "sndhwm": 1, "rcvhwm": 2},
    "pub": {"bind": [], "frames": 1, "sndhwm": 3},
    "ingest": {"bind": ["tcp://[::1]:9"], "rcvhwm": 4},
    "limits": {"max_payload": 5, "queue_msgs": 10000000, "queue_bytes": 7,
               "out_bytes_total": 70000, "sessions": 8,
               "subs_per_session": 9, "err0_per_s": 0, "resume_ttl_seconds_max": 6}},
  "plugins": {"dir": "../plugins", "state_dir": "/var/lib/b",
              "allow_sha256": ["E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"],
              "watch": false, "settle": "10ms", "rescan": "1m", "trial": false,
              "demote_unique": false, "upgrade_deadline": "0ms", "probation": "1h",
              "probation_failures_max": 0, "on_incompatible": "restart_fresh",
              "on_remove": "keep", "drain_first": true, "unload": "never", "crashes_max": 9,
              "crash_window": "1s",
              "config": {"counter": {"x-mine": [1, {"unknown": null}]}, "a.b": "text"}},
  "types": {"book": {"mailbox": {"messages": 11, "bytes": 12}, "overflow": "conflate",
                     "dispatcher": "pinned", "turn_budget": "0s",
                     "supervision": {"strategy": "rest_for_one", "restart": "permanent",
                                     "intensity": 0, "period": "1h", "retries": 7,
                                     "backoff_min": "0ms", "backoff_max": "1s",
                                     "jitter_percent": 100, "healthy_after": "2m",
                                     "stop_deadline": "0ms"}},
            "x-ray": {"overflow": "drop_oldest"}},
  "actors": {"zeta": "book", "alpha": {"type": "book", "config": {"depth": 5}}, "x-1": "book",
             "own": {"type": "book", "mailbox": {"messages": 1, "bytes": 17179869184},
                     "overflow": "drop_newest", "restart": "temporary"},
             "half": {"type": "book", "mailbox": {"bytes": 9}}},
  "activations": [{"activate": "book:{2}-{1}", "type": "book", "on": "feed/*.md.>", "idle": "10m",
                   "max": 5000, "config": 7},
                  {"activate": "lazy", "type": "x-ray"}]
})";

}  // namespace

TEST_CASE("no config at all gives the defaults that the values and the schema agree on",
          "[config]") {
  const auto loaded = load_config({}, nowhere);
  REQUIRE(loaded);
  CHECK(loaded->values == Config{});
  CHECK(load("{}").values == Config{});
  const TypeConfig plain = load(R"({"types": {"t": {}}})").values.types.at(0);
  TypeConfig expected;
  expected.type = "t";
  CHECK(plain == expected);
  const auto rule = load(R"({"activations": [{"activate": "a", "type": "t"}]})").values.activations;
  CHECK(rule.at(0) == ActivationConfig{.activate = "a", .type = "t"});
}

TEST_CASE("the shipped config is the defaults", "[config]") {
  const auto loaded =
      load_config({.file = BACKSTAGE_CONFIG_DIR "/backstaged.json", .overrides = {}}, nowhere);
  if (!loaded) FAIL(render(loaded.error()));
  CHECK(loaded->values == Config{});
}

TEST_CASE("every key reaches its value", "[config]") {
  const Config config = load(every_key).values;
  CHECK(config.runtime_dir == "/run/b");
  CHECK(config.workers == 3);
  CHECK(config.drain_timeout == 5min);
  CHECK(config.spare_workers == 4);
  CHECK(config.pinned_threads == 5);
  CHECK(config.turn_budget == 6ms);
  CHECK(config.log == LogConfig{.level = log::LogLevel::debug, .format = LogStyle::json});
  const GatewayConfig& gateway = config.gateway;
  CHECK(gateway.plain_zmtp == PlainZmtp::libzmq);
  CHECK(gateway.io_threads == 2);
  CHECK(gateway.cmd == CmdConfig{{{"tcp://127.0.0.1:*"}, {"ipc:///run/b/c", 0660, "root"}}, 1, 2});
  CHECK(gateway.pub == PubConfig{{}, 1, 3});
  CHECK(gateway.ingest == IngestConfig{{{"tcp://[::1]:9"}}, 4});
  CHECK(gateway.limits == LimitsConfig{5, 10'000'000, 7, 70'000, 8, 9, 0, 6});
  CHECK(config.plugins.dir == "/etc/plugins");
  CHECK(config.plugins.state_dir == "/var/lib/b");
  CHECK(
      config.plugins.allow_sha256 ==
      std::vector<std::string>{"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"});
  CHECK_FALSE(config.plugins.watch);
  CHECK(config.plugins.settle == 10ms);
  CHECK(config.plugins.rescan == 1min);
  CHECK_FALSE(config.plugins.trial);
  CHECK_FALSE(config.plugins.demote_unique);
  CHECK(config.plugins.upgrade_deadline == 0ms);
  CHECK(config.plugins.probation == 1h);
  CHECK(config.plugins.probation_failures_max == 0);
  CHECK(config.plugins.on_incompatible == OnIncompatible::restart_fresh);
  CHECK(config.plugins.on_remove == OnRemove::keep);
  CHECK(config.plugins.drain_first);
  CHECK(config.plugins.unload == Unload::never);
  CHECK(config.plugins.crashes_max == 9);
  CHECK(config.plugins.crash_window == 1s);
  REQUIRE(config.plugins.config.size() == 2);
  CHECK(config.plugins.config[0] ==
        std::pair<std::string, std::string>{"counter", R"({"x-mine":[1,{"unknown":null}]})"});
  CHECK(config.plugins.config[1].second == "\"text\"");
  REQUIRE(config.types.size() == 2);
  CHECK(config.types[0] == TypeConfig{"book",
                                      {11, 12},
                                      Overflow::conflate,
                                      Dispatcher::pinned,
                                      0ms,
                                      {Strategy::rest_for_one, Restart::permanent, 0, 1h, 7, 0ms,
                                       1s, 100, 2min, 0ms}});
  CHECK(config.types[1].type == "x-ray");
  CHECK(config.types[1].overflow == Overflow::drop_oldest);
  CHECK(config.types[1].dispatcher == Dispatcher::pool);
  CHECK(config.types[1].turn_budget == std::nullopt);
  CHECK(config.actors == std::vector<ActorConfig>{{"zeta", "book"},
                                                  {"alpha", "book", R"({"depth":5})"},
                                                  {"x-1", "book"},
                                                  {"own", "book", "", 1, 17'179'869'184,
                                                   Overflow::drop_newest, Restart::temporary},
                                                  {"half", "book", "", {}, 9}});
  CHECK(config.activations ==
        std::vector<ActivationConfig>{{"book:{2}-{1}", "book", "feed/*.md.>", 10min, 5000, "7"},
                                      {"lazy", "x-ray"}});
}

TEST_CASE("every word of a choice reaches its own value", "[config]") {
  const auto check = [](const std::string& text, auto member, auto expected) {
    CAPTURE(text);
    CHECK(member(load(text).values) == expected);
  };
  const std::vector<std::string> levels{"trace", "debug", "info", "warn", "error", "off"};
  for (std::size_t i = 0; i < levels.size(); ++i) {
    check(
        R"({"log": {"level": ")" + levels[i] + R"("}})",
        [](const Config& config) { return config.log.level; }, static_cast<log::LogLevel>(i));
  }
  CHECK(load(R"({"log": {"format": "auto"}})").values.log.format == LogStyle::automatic);
  CHECK(load(R"({"log": {"format": "text"}})").values.log.format == LogStyle::text);
  const auto type = [](const std::string& body) {
    return load(R"({"types": {"t": )" + body + "}}").values.types.at(0);
  };
  CHECK(type(R"({"overflow": "reject"})").overflow == Overflow::reject);
  CHECK(type(R"({"overflow": "drop_newest"})").overflow == Overflow::drop_newest);
  CHECK(type(R"({"dispatcher": "pool"})").dispatcher == Dispatcher::pool);
  CHECK(type(R"({"dispatcher": "pinned"})").dispatcher == Dispatcher::pinned);
  const auto strategy = [&type](const std::string& word) {
    return type(R"({"supervision": {"strategy": ")" + word + R"("}})").supervision.strategy;
  };
  CHECK(strategy("one_for_one") == Strategy::one_for_one);
  CHECK(strategy("one_for_all") == Strategy::one_for_all);
  const auto restart = [&type](const std::string& word) {
    return type(R"({"supervision": {"restart": ")" + word + R"("}})").supervision.restart;
  };
  CHECK(restart("transient") == Restart::transient);
  CHECK(restart("temporary") == Restart::temporary);
}

TEST_CASE("a setting that nothing acts on yet is refused, not ignored", "[config]") {
  for (const char* text : {R"({"types": {"t": {"dispatcher": "isolated"}}})"}) {
    INFO(text);
    const auto loaded = load_config_text(text, "f.json", {}, nowhere);
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().front().code == "CFG-205");
  }
}

TEST_CASE("the effective config loads to the same values again", "[config]") {
  for (const char* text : {"{}", every_key}) {
    const auto first = load(text);
    const auto second = load(first.effective, {}, "/elsewhere/printed.json");
    CHECK(second.values == first.values);
    CHECK(second.effective == first.effective);
    CHECK(first.effective.find("x-note") == std::string::npos);
  }
}

TEST_CASE("an override is JSON, or else a string, and goes through the same checks", "[config]") {
  const auto config =
      load(R"({"workers": 2, "types": {"t": {}}, "plugins": {"dir": "here"}})",
           {set("/workers=4"), set("/log/level=debug"), set("/workers=5"),
            set("/types/t/mailbox={\"messages\": 9}"), set("/gateway/cmd/bind/-=tcp://127.0.0.1:9"),
            set("/gateway/ingest/bind/0=tcp://127.0.0.1:*"), set("/actors/a~1=t"),
            set("/actors={\"b\":\"t\"}"), set("/runtime_dir=run"), set("/gateway/pub/bind=[]")})
          .values;
  CHECK(config.workers == 5);
  CHECK(config.log.level == log::LogLevel::debug);
  CHECK(config.types.at(0).mailbox.messages == 9);
  CHECK(config.types.at(0).mailbox.bytes == MailboxConfig{}.bytes);
  CHECK(config.worker_cpus.empty());
  REQUIRE(config.gateway.cmd.bind.size() == 3);
  CHECK(config.gateway.cmd.bind[2].endpoint == "tcp://127.0.0.1:9");
  REQUIRE(config.gateway.ingest.bind.size() == 2);
  CHECK(config.gateway.ingest.bind[0].endpoint == "tcp://127.0.0.1:*");
  CHECK(config.gateway.pub.bind.empty());
  CHECK(config.actors == std::vector<ActorConfig>{{"b", "t"}});
  CHECK(config.plugins.dir == "/etc/backstaged/here");
  CHECK(config.runtime_dir == (std::filesystem::current_path() / "run").string());
}

TEST_CASE("a wrong override is named by its option", "[config]") {
  struct Row {
    std::string assignment, code, pointer, fragment;
  };
  const std::vector<Row> rows{
      {"workers=1", "CFG-401", "", "is not /pointer=value"},
      {"/workers", "CFG-401", "", "is not /pointer=value"},
      {"=1", "CFG-401", "", "is not /pointer=value"},
      {"/=1", "CFG-202", "/", "unknown key \"\""},
      {"/a~2b=1", "CFG-401", "", "pointer is malformed"},
      {"/workers/x=1", "CFG-402", "", "no place"},
      {"/activations/5=1", "CFG-402", "", "no place"},
      {"/activations/x=1", "CFG-402", "", "no place"},
      {"/log/level=\xff", "CFG-403", "", "not UTF-8"},
      {"/plugins/config/p=" + std::string(33, '[') + std::string(33, ']'), "CFG-106",
       "/plugins/config/p", "deeper than 32"},
      {"/workers=-1", "CFG-204", "/workers", "below the minimum"},
      {"/workers=many", "CFG-203", "/workers", "not \"many\""},
      {"/log={\"levle\":1}", "CFG-202", "/log/levle", "did you mean"},
      {"/log={\"level\":\"info\",\"level\":\"warn\"}", "CFG-201", "/log/level", "second time"},
      {"/actors/a/config=1", "CFG-206", "/actors/a", "\"type\" is missing"},
      {"/gateway/limits/queue_bytes=5", "CFG-304", "/gateway/limits/queue_bytes", "max_payload"},
  };
  for (const Row& row : rows) {
    const auto loaded = load_config_text(R"({"workers": 1, "activations": []})", "f.json",
                                         {set(row.assignment)}, nowhere);
    CAPTURE(row.assignment);
    REQUIRE_FALSE(loaded);
    CAPTURE(render(loaded.error()));
    REQUIRE(loaded.error().size() == 1);
    const Problem& problem = loaded.error().front();
    CHECK(problem.source == "--set " + row.assignment);
    CHECK(problem.code == row.code);
    CHECK(problem.pointer == row.pointer);
    CHECK((problem.what + problem.help).find(row.fragment) != std::string::npos);
  }
}

TEST_CASE("all mistakes are told at once, in the order of the file, options last", "[config]") {
  const auto loaded = load_config_text(
      "{\n \"workers\": -1,\n \"log\": {\"levle\": 1,\n  \"format\": 2},\n \"workers\": 3,\n"
      " \"gateway\": {\"limits\": {\"queue_bytes\": 1}}\n}",
      "bad.json", {set("/drain_timeout=soon")}, nowhere);
  REQUIRE_FALSE(loaded);
  std::vector<std::string> told;
  for (const auto& problem : loaded.error()) {
    told.push_back(std::to_string(problem.at.line) + ' ' + problem.code);
  }
  CHECK(told == std::vector<std::string>{"2 CFG-204", "3 CFG-202", "4 CFG-205", "5 CFG-201",
                                         "6 CFG-304", "0 CFG-208"});
}

TEST_CASE("a mistake is rendered with its line, a mark below it and what to do", "[config]") {
  const auto loaded =
      load_config_text("{\n\t\"log\": {\"level\": \"inof\"}\n}", "bad.json", {}, nowhere);
  REQUIRE_FALSE(loaded);
  CHECK(render(loaded.error()) ==
        "bad.json:2:19: error[CFG-205]: /log/level: \"inof\" is not one of the allowed values\n"
        "     2 |  \"log\": {\"level\": \"inof\"}\n"
        "       |                   ^^^^^^\n"
        "  help: did you mean \"info\"?\n"
        "        allowed: \"trace\", \"debug\", \"info\", \"warn\", \"error\", \"off\"\n"
        "        The least severe level that is written.\n"
        "        default: \"info\"\n"
        "1 error. Nothing was started or changed.\n");
}

TEST_CASE("what is rendered cannot forge terminal output, and long lines and lists are cut",
          "[config]") {
  const auto forged =
      load_config_text("{\"\\u001b[2J\\nok\": 1, \"\u202e\": 1}", "a\x1b[1mb", {}, nowhere);
  REQUIRE_FALSE(forged);
  const auto text = render(forged.error());
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find("\u202e") == std::string::npos);
  CHECK(text.find("a\\x1b[1mb:1:2") != std::string::npos);
  for (const bool duplicates : {false, true}) {
    std::string most = "{";
    for (int i = 0; most.size() < 1'000'000; ++i) {
      most += duplicates ? "\"x-a\":1," : "\"k" + std::to_string(i) + "\":1,";
    }
    const auto worst = load_config_text(most + "\"workers\": 1}", "f", {}, nowhere);
    REQUIRE_FALSE(worst);
    CHECK(worst.error().size() > 50'000);
    CHECK(render(worst.error()).size() < 40'000);
  }
  std::string many = "{";
  for (int i = 0; i < 1000; ++i) many += "\"unknown" + std::to_string(i) + "\": 1, ";
  const auto flood = load_config_text(many + "\"workers\": 1}", "f", {}, nowhere);
  REQUIRE_FALSE(flood);
  CHECK(flood.error().size() == 1000);
  const auto cut = render(flood.error());
  CHECK(cut.find("... and 950 more\n1000 errors") != std::string::npos);
  CHECK(cut.size() < 40'000);
}

TEST_CASE("a column counts characters and a long line is shown around the mistake", "[config]") {
  const auto line = "{\"x-a\": \"" + std::string(300, 'a') + "\u00e9\u00e9\", \"wrokers\": 1}";
  const auto loaded = load_config_text(line, "f", {}, nowhere);
  REQUIRE_FALSE(loaded);
  const Problem& problem = loaded.error().front();
  CHECK(problem.at == Position{1, 315});
  CHECK(problem.excerpt.size() < 110);
  CHECK(problem.excerpt.find("\"wrokers\"") != std::string::npos);
}

TEST_CASE("a file that cannot be a config is refused for one clear reason", "[config]") {
  const TempDir dir;
  const auto code_of = [&dir](const std::string& name) {
    const auto loaded = load_config({.file = dir.path(name), .overrides = {}}, nowhere);
    REQUIRE_FALSE(loaded);
    REQUIRE(loaded.error().size() == 1);
    CHECK(loaded.error().front().source == dir.path(name));
    CHECK_FALSE(loaded.error().front().help.empty());
    return loaded.error().front().code;
  };
  CHECK(code_of("missing.json") == "CFG-101");
  dir.write("file", "{}");
  CHECK(code_of("file/below") == "CFG-101");
  CHECK(code_of("") == "CFG-102");
  REQUIRE(::mkfifo(dir.path("fifo").c_str(), 0600) == 0);
  CHECK(code_of("fifo") == "CFG-102");
  dir.write("empty", "");
  CHECK(code_of("empty") == "CFG-104");
  dir.write("large", std::string((1U << 20U) + 1, ' '));
  CHECK(code_of("large") == "CFG-105");
  dir.write("huge", "");
  // Sparse: nothing of its 100 MiB is read.
  REQUIRE(::truncate(dir.path("huge").c_str(), 100LL << 20) == 0);
  CHECK(code_of("huge") == "CFG-105");
  dir.write("deep", std::string(1'000'000, '['));
  CHECK(code_of("deep") == "CFG-106");
  if (::geteuid() != 0) {
    dir.write("secret", "{}");
    REQUIRE(::chmod(dir.path("secret").c_str(), 0) == 0);
    CHECK(code_of("secret") == "CFG-103");
  }
  dir.write("fits", "{}" + std::string((1U << 20U) - 2, ' '));
  CHECK(load_config({.file = dir.path("fits"), .overrides = {}}, nowhere));
}

TEST_CASE("a reload tells each changed key, and whether it is live", "[config]") {
  const auto change = [](const char* before, const char* after) {
    std::vector<std::string> told;
    for (const auto& c : diff(load(before), load(after))) {
      told.push_back(c.pointer + (c.is_live ? " live " : " restart ") + c.before + "->" + c.after);
    }
    return told;
  };
  using Told = std::vector<std::string>;
  CHECK(change("{}", "{}").empty());
  CHECK(change("{}", R"({"log": {"level": "info"}, "x-new": 1})").empty());
  CHECK(change("{}", R"({"log": {"level": "warn", "format": "json"}, "workers": 2})") ==
        Told{"/workers restart 0->2", R"(/log/level live "info"->"warn")",
             R"(/log/format live "auto"->"json")"});
  CHECK(change("{}", R"({"drain_timeout": "1s"})") == Told{R"(/drain_timeout live "10s"->"1s")"});
  CHECK(change(R"({"actors": {"a": "t", "b": "t"}})", R"({"actors": {"b": "u", "c": "t"}})") ==
        Told{R"(/actors/a restart "t"->)", R"(/actors/b restart "t"->"u")",
             R"(/actors/c restart ->"t")"});
  CHECK(change(R"({"plugins": {"config": {"p": {"a": 1}}}})",
               R"({"plugins": {"config": {"p": {"a": 2}}}})") ==
        Told{R"(/plugins/config/p restart {"a":1}->{"a":2})"});
  CHECK(change("{}", R"({"types": {"a.b%20": {}}})").empty() == false);
}

}  // namespace backstage::config
