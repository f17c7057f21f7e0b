// Small wrong configs, one a row: where each mistake is, under which code, and in which words.
#include <array>
#include <initializer_list>
#include <string>
#include <string_view>

#include "daemon/config/load.hpp"
#include "tests/support/catch.hpp"

namespace backstage::config {
namespace {

// Of literals only: tables of strings with destructors take a compiler minutes.
struct Row {
  std::string_view text;
  Position at;
  std::string_view code;
  std::string_view pointer;
  // Each has to be somewhere in the message or its help.
  std::array<std::string_view, 4> fragments;
};

const Environment nowhere{
    .runtime_directory = {}, .state_directory = {}, .xdg_runtime_dir = {}, .uid = 1000};

Problems problems_of(std::string_view text) {
  auto loaded = load_config_text(text, "bad.json", {}, nowhere);
  return loaded ? Problems{} : std::move(loaded.error());
}

void check(const Row& row) {
  const auto problems = problems_of(row.text);
  CAPTURE(row.text, render(problems));
  REQUIRE(problems.size() == 1);
  const Problem& problem = problems.front();
  CHECK(problem.source == "bad.json");
  CHECK(problem.at.line == row.at.line);
  CHECK(problem.at.column == row.at.column);
  CHECK(problem.code == row.code);
  CHECK(problem.pointer == row.pointer);
  const auto all = problem.what + '\n' + problem.help;
  for (const auto& fragment : row.fragments) {
    CAPTURE(fragment);
    CHECK(all.find(fragment) != std::string::npos);
  }
}

void check_rows(std::initializer_list<Row> rows) {
  for (const Row& row : rows) check(row);
}

// An item of /gateway/ingest/bind; the mistake is `offset` characters into it.
struct BindRow {
  std::string_view item;
  std::uint32_t offset;
  std::string_view code;
  std::string_view pointer;
  std::array<std::string_view, 4> fragments;
};

void check_bind(const BindRow& row) {
  constexpr std::string_view head = R"({"gateway": {"ingest": {"bind": [)";
  const auto text = std::string{head} + std::string{row.item} + "]}}}";
  const auto column = static_cast<std::uint32_t>(head.size() + 1 + row.offset);
  const auto pointer = "/gateway/ingest/bind" + std::string{row.pointer};
  check({text, {1, column}, row.code, pointer, row.fragments});
}

void check_endpoints(std::initializer_list<std::string_view> endpoints, std::string_view code,
                     std::array<std::string_view, 4> fragments) {
  for (const auto endpoint : endpoints) {
    check_bind({'"' + std::string{endpoint} + '"', 0, code, "/0", fragments});
  }
}

std::string nested(std::size_t levels) {
  return R"({"x-deep": )" + std::string(levels, '[') + std::string(levels, ']') + "}";
}

}  // namespace

TEST_CASE("what is not strict JSON is named at its place", "[config]") {
  check_rows({
      {"{\"workers\": 1,}", {1, 15}, "CFG-109", "", {"comma before this }", "trailing comma"}},
      {"{\"x-a\": [1, 2,]}", {1, 15}, "CFG-109", "", {"comma before this ]"}},
      {"{\n  // note\n}", {2, 3}, "CFG-109", "", {"comments are not part of JSON", "x-comment"}},
      {"{\n  \"workers\": 1 # note\n}", {2, 16}, "CFG-109", "", {"comments are not part of JSON"}},
      {"{\"workers\" 1}", {1, 12}, "CFG-109", "", {"':' is missing"}},
      {"{\"workers\": 1 \"log\": {}}", {1, 15}, "CFG-109", "", {"',' is missing"}},
      {"{\"x-a\": [1 2]}", {1, 12}, "CFG-109", "", {"',' is missing"}},
      {"{\"x-a\": 1,, \"x-b\": 2}", {1, 11}, "CFG-109", "", {"expected here, not ,"}},
      {"{workers: 1}", {1, 2}, "CFG-109", "", {"workers is a bare word", "write \"workers\""}},
      {"{'workers': 1}", {1, 2}, "CFG-109", "", {"double quotes"}},
      {"{\"workers\": NaN}", {1, 13}, "CFG-109", "", {"NaN is not a JSON number"}},
      {"{\"workers\": -Infinity}", {1, 13}, "CFG-109", "", {"-Infinity is not a JSON number"}},
      {"{\"workers\": 1e999}", {1, 13}, "CFG-109", "", {"number 1e999 is too large"}},
      {"{\"workers\": +1}", {1, 13}, "CFG-109", "", {"+1 is not a JSON number"}},
      {"{\"workers\": .5}", {1, 13}, "CFG-109", "", {".5 is not a JSON number"}},
      {"{\"workers\": 1.}", {1, 13}, "CFG-109", "", {"1. is not a JSON number"}},
      {"{\"x-a\": True}", {1, 9}, "CFG-109", "", {"True is not JSON", "mean true"}},
      {"{\"x-a\": None}", {1, 9}, "CFG-109", "", {"None is not JSON", "mean null"}},
      {"{\"x-a\": debug}", {1, 9}, "CFG-109", "", {"bare word", "write \"debug\""}},
      {"{\"x-a\": }", {1, 9}, "CFG-109", "", {"a value is expected here, not }"}},
      {"{\"x-a\": \"a\nb\"}", {1, 9}, "CFG-109", "", {"control character", "escape"}},
      {"{\"x-a\": \"\xff\"}", {1, 9}, "CFG-109", "", {"UTF-8"}},
      {"{\"x-a\": \"\\q\"}", {1, 9}, "CFG-109", "", {"forbidden character after backslash"}},
      {"{\"x-a\": \"open}", {1, 9}, "CFG-109", "", {"missing closing quote"}},
      {"{\"workers\": 1", {1, 14}, "CFG-109", "", {"ends before the document does"}},
      {"{\n\n\"log\": {\n", {4, 1}, "CFG-109", "", {"ends before the document does"}},
      {"{} {}", {1, 4}, "CFG-109", "", {"something follows the end"}},
      {"{}]", {1, 3}, "CFG-109", "", {"something follows the end"}},
      {"\xEF\xBB\xBF{}", {0, 0}, "CFG-107", "", {"byte order mark", "without BOM"}},
      {std::string_view{"{\n \0}", 5}, {2, 2}, "CFG-108", "", {"NUL"}},
      {"", {0, 0}, "CFG-104", "", {"empty", "write {}"}},
      {" \n\t\r\n", {0, 0}, "CFG-104", "", {"empty"}},
  });
  const auto deep = nested(32);
  check({deep, {1, 43}, "CFG-106", "", {"deeper than 32 levels"}});
}

TEST_CASE("a wrong key is named at its place, with the one that may have been meant", "[config]") {
  check_rows({
      {R"({"workrs": 1})", {1, 2}, "CFG-202", "/workrs", {"did you mean \"workers\""}},
      {R"({"Workers": 1})", {1, 2}, "CFG-202", "/Workers", {"did you mean \"workers\""}},
      {R"({"zebra": 1})", {1, 2}, "CFG-202", "/zebra", {"known here: $schema, runtime_dir"}},
      {"{\n  \"log\": {\n    \"levle\": \"info\"\n  }\n}",
       {3, 5},
       "CFG-202",
       "/log/levle",
       {"did you mean \"level\""}},
      {R"({"types": {"book": {"mailbox": {"mesages": 3}}}})",
       {1, 33},
       "CFG-202",
       "/types/book/mailbox/mesages",
       {"did you mean \"messages\""}},
      {R"({"gateway": {"limits": {"max_payload_bytes": 3}}})",
       {1, 25},
       "CFG-202",
       "/gateway/limits/max_payload_bytes",
       {"known here: max_payload"}},
      {R"({"workers": 1, "workers": 2})", {1, 16}, "CFG-201", "/workers", {"second time"}},
      {R"({"log": {"level": "info", "level": "info"}})",
       {1, 27},
       "CFG-201",
       "/log/level",
       {"second time"}},
      {R"({"x-a": {"b": 1, "b": {"c": 1}}})", {1, 18}, "CFG-201", "/x-a/b", {"second"}},
      {R"({"actors": {"a": "t", "\u0061": "t"}})", {1, 23}, "CFG-201", "/actors/a", {"second"}},
      {R"({"a/b~c": 1})", {1, 2}, "CFG-202", "/a~1b~0c", {"unknown key \"a/b~c\""}},
  });
}

TEST_CASE("a wrong value is named at its place, with what is allowed", "[config]") {
  check_rows({
      {"[]", {1, 1}, "CFG-203", "", {"must be an object, not an array"}},
      {"null", {1, 1}, "CFG-203", "", {"must be an object, not null"}},
      {R"({"workers": "four"})",
       {1, 13},
       "CFG-203",
       "/workers",
       {"a whole number from 0 to 256, not \"four\"", "default: 0"}},
      {R"({"workers": 1.5})", {1, 13}, "CFG-203", "/workers", {"whole number", "1.5"}},
      {R"({"workers": 1e2})", {1, 13}, "CFG-203", "/workers", {"whole number"}},
      {R"({"workers": 99999999999999999999})", {1, 13}, "CFG-203", "/workers", {"whole number"}},
      {R"({"workers": -1})", {1, 13}, "CFG-204", "/workers", {"-1 is below the minimum 0"}},
      {R"({"workers": 257})", {1, 13}, "CFG-204", "/workers", {"257 is above the maximum 256"}},
      {R"({"workers": null})", {1, 13}, "CFG-203", "/workers", {"not null"}},
      {R"({"log": []})", {1, 9}, "CFG-203", "/log", {"must be an object, not an array"}},
      {R"({"log": {"level": "inof"}})",
       {1, 19},
       "CFG-205",
       "/log/level",
       {"did you mean \"info\"", "allowed: \"trace\", \"debug\""}},
      {R"({"log": {"level": 3}})", {1, 19}, "CFG-205", "/log/level", {"3 is not one of"}},
      {R"({"log": {"format": "xml"}})",
       {1, 20},
       "CFG-205",
       "/log/format",
       {"\"auto\", \"text\", \"json\""}},
      {R"({"gateway": {"pub": {"frames": 3}}})",
       {1, 32},
       "CFG-205",
       "/gateway/pub/frames",
       {"allowed: 1, 2"}},
      {R"({"gateway": {"limits": {"max_payload": 0}}})",
       {1, 40},
       "CFG-204",
       "/gateway/limits/max_payload",
       {"below the minimum 1"}},
      {R"({"gateway": {"limits": {"max_payload": 1048577}}})",
       {1, 40},
       "CFG-204",
       "/gateway/limits/max_payload",
       {"above the maximum 1048576"}},
      {R"({"drain_timeout": 10})",
       {1, 19},
       "CFG-203",
       "/drain_timeout",
       {"string with a unit, such as \"10s\", not 10"}},
      {R"({"drain_timeout": "10 s"})",
       {1, 19},
       "CFG-208",
       "/drain_timeout",
       {"\"10 s\" is not a duration", "\"250ms\""}},
      {R"({"drain_timeout": "2h"})",
       {1, 19},
       "CFG-204",
       "/drain_timeout",
       {"above the maximum \"1h\""}},
      {R"({"types": {"t": {"supervision": {"period": "0ms"}}}})",
       {1, 44},
       "CFG-204",
       "/types/t/supervision/period",
       {"below the minimum \"1ms\""}},
      {R"({"types": {"t": {"overflow": "block"}}})",
       {1, 30},
       "CFG-205",
       "/types/t/overflow",
       {"\"reject\", \"drop_newest\", \"drop_oldest\", \"conflate\""}},
  });
}

TEST_CASE("a wrong name or a missing part is named at its place", "[config]") {
  check_rows({
      {R"({"types": {"$t": {}}})", {1, 12}, "CFG-210", "/types/$t", {"belong to the daemon"}},
      {R"({"actors": {"$daemon": "t"}})", {1, 13}, "CFG-210", "/actors/$daemon", {"reserved"}},
      {R"({"actors": {"a b": "t"}})", {1, 13}, "CFG-209", "/actors/a b", {"as %XX, such as %20"}},
      {R"({"actors": {"": "t"}})", {1, 13}, "CFG-209", "/actors/", {"not an actor name"}},
      {R"({"actors": {"a": "not a type"}})", {1, 18}, "CFG-209", "/actors/a", {"an actor type"}},
      {R"({"actors": {"a": 5}})",
       {1, 18},
       "CFG-203",
       "/actors/a",
       {"a string or an object, not 5"}},
      {R"({"actors": {"a": {"config": 1}}})",
       {1, 18},
       "CFG-206",
       "/actors/a",
       {"the key \"type\" is missing"}},
      {R"({"plugins": {"config": {"../x": 1}}})",
       {1, 25},
       "CFG-209",
       "/plugins/config/..~1x",
       {"not a plugin id"}},
      {R"({"plugins": {"dir": ""}})", {1, 21}, "CFG-207", "/plugins/dir", {"must not be empty"}},
      {R"({"runtime_dir": "a\u0000b"})", {1, 17}, "CFG-213", "/runtime_dir", {"NUL"}},
  });
}

TEST_CASE("a wrong activation rule is named at its place", "[config]") {
  check_rows({
      {R"({"activations": {}})", {1, 17}, "CFG-203", "/activations", {"must be an array"}},
      {R"({"activations": [{"type": "t"}]})",
       {1, 18},
       "CFG-206",
       "/activations/0",
       {"\"activate\" is missing"}},
      {R"({"activations": [{"activate": "$x:{1}", "type": "t"}]})",
       {1, 31},
       "CFG-210",
       "/activations/0/activate",
       {"reserved"}},
      {R"({"activations": [{"activate": "b:{1}{2}", "type": "t"}]})",
       {1, 31},
       "CFG-212",
       "/activations/0/activate",
       {"with text between"}},
      {R"({"activations": [{"activate": "b:{1}:{1}", "type": "t"}]})",
       {1, 31},
       "CFG-212",
       "/activations/0/activate",
       {"each used once"}},
      {R"({"activations": [{"activate": "b", "type": "t", "on": "fe*d/x"}]})",
       {1, 55},
       "CFG-211",
       "/activations/0/on",
       {"not a topic pattern"}},
      {R"({"activations": [{"activate": "b", "type": "t", "max": 0}]})",
       {1, 56},
       "CFG-204",
       "/activations/0/max",
       {"below the minimum 1"}},
  });
}

TEST_CASE("an endpoint that other machines could reach is refused with a way out", "[config]") {
  check_endpoints({"tcp://0.0.0.0:7770", "tcp://*:7770", "tcp://192.168.1.5:7770",
                   "tcp://eth0:7770", "tcp://[::]:7770", "tcp://example.org:*",
                   "tcp://127.0.0.1.evil.org:7770", "tcp://1270.0.0.1:7770", "tcp://127.1:7770"},
                  "CFG-301",
                  {"other machines", "CURVE", "bind tcp://127.0.0.1:7770 or ipc", "ssh -N -L"});
}

TEST_CASE("what is no endpoint is refused with the forms there are", "[config]") {
  check_endpoints({"udp://127.0.0.1:1",
                   "127.0.0.1:7770",
                   "tcp://127.0.0.1",
                   "tcp://127.0.0.1:0",
                   "tcp://127.0.0.1:65536",
                   "tcp://127.0.0.1:7770x",
                   "tcp://127.0.0.1:-1",
                   "tcp://:7770",
                   "tcp://::1:7770",
                   "tcp://a b:7770",
                   "ipc://",
                   "ipc://cmd.sock",
                   "ipc:///",
                   "ipc:///tmp/",
                   "ipc://@abstract",
                   "ipc://*",
                   "ipc://{rundir}/cmd.sock",
                   "ipc://{runtime_dir}cmd.sock",
                   "inproc://x",
                   ""},
                  "CFG-216", {"is not an endpoint", "ipc:///absolute/path"});
}

TEST_CASE("an endpoint with a wrong mode, group or neighbour is refused", "[config]") {
  check_bind({"7770", 0, "CFG-203", "/0", {"a string or an object, not 7770"}});
  check_bind({R"({"mode": "0600"})", 0, "CFG-206", "/0", {"\"endpoint\" is missing"}});
  for (const std::string mode : {"600", "0400", "0o600", "0888", "06000", "rw"}) {
    check_bind({R"({"endpoint": "ipc:///tmp/s", "mode": ")" + mode + R"("})",
                37,
                "CFG-214",
                "/0/mode",
                {"\"0600\"", "\"0660\""}});
  }
  check_bind({R"({"endpoint": "ipc:///tmp/s", "group": "no such group"})",
              38,
              "CFG-215",
              "/0/group",
              {"no group of this machine"}});
  check_bind({R"({"endpoint": "tcp://127.0.0.1:1", "mode": "0600"})",
              42,
              "CFG-305",
              "/0/mode",
              {"ipc endpoints only"}});
  check_bind({R"("ipc:///)" + std::string(107, 'a') + '"',
              0,
              "CFG-303",
              "/0",
              {"108 bytes; the system takes 107"}});
  check_bind({R"("tcp://127.0.0.1:7771")", 0, "CFG-302", "/0", {"by /gateway/pub/bind/0 already"}});
  check_bind({R"("tcp://127.0.0.1:5", "tcp://localhost:5")", 21, "CFG-302", "/1", {"already"}});
  check_bind({R"("ipc:///tmp/backstaged-1000/cmd.sock")",
              0,
              "CFG-302",
              "/0",
              {"bound by /gateway/cmd/bind/1 already"}});
  check_rows({{R"({"gateway": {"cmd": {"bind": []}}})",
               {1, 30},
               "CFG-207",
               "/gateway/cmd/bind",
               {"at least 1"}}});
}

TEST_CASE("values that contradict each other are refused at the one that was written", "[config]") {
  check_rows({
      {R"({"gateway": {"limits": {"queue_bytes": 100}}})",
       {1, 40},
       "CFG-304",
       "/gateway/limits/queue_bytes",
       {"less than max_payload 1048576"}},
      {R"({"types": {"t": {"supervision": {"backoff_min": "20s"}}}})",
       {1, 49},
       "CFG-304",
       "/types/t/supervision/backoff_min",
       {"longer than backoff_max \"10s\""}},
      {R"({"types": {"t": {"supervision": {"backoff_max": "50ms"}}}})",
       {1, 49},
       "CFG-304",
       "/types/t/supervision/backoff_max",
       {"backoff_min \"100ms\" is longer"}},
      {R"({"activations": [{"activate": "b:{2}", "type": "t", "on": "f/*"}]})",
       {1, 31},
       "CFG-307",
       "/activations/0/activate",
       {"{2} has no wildcard", "has 1"}},
      {R"({"activations": [{"activate": "b:{1}", "type": "t", "on": "f/x"}]})",
       {1, 31},
       "CFG-307",
       "/activations/0/activate",
       {"has 0"}},
      {R"({"activations": [{"activate": "b:{2}", "type": "t"}]})",
       {1, 31},
       "CFG-307",
       "/activations/0/activate",
       {"without gaps"}},
      {R"({"activations": [{"activate": "b", "type": "t"}, {"activate": "b", "type": "u"}]})",
       {1, 63},
       "CFG-306",
       "/activations/1/activate",
       {"rule 0 activates \"b\" already"}},
  });
}

}  // namespace backstage::config
