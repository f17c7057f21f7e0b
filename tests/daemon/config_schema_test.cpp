// The shipped schema: only keywords that the daemon obeys, a reload mark and a description for all.
#include <functional>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "daemon/config/load.hpp"
#include "daemon/config/schema.hpp"
#include "daemon/config/schema_kinds.hpp"
#include "tests/daemon/temp_dir.hpp"
#include "tests/support/catch.hpp"

namespace backstage::config {
namespace {

// Calls `visit` for each schema within a schema, itself included.
void each_schema(const Json& node, const std::string& path,
                 const std::function<void(const Json&, const std::string&)>& visit) {
  if (!node.is_object()) return;
  visit(node, path);
  for (const char* map : {"properties", "$defs"}) {
    if (!node.contains(map)) continue;
    for (const auto& [name, member] : node.at(map).items()) {
      each_schema(member, std::string(path).append(1, '/').append(name), visit);
    }
  }
  for (const char* one : {"additionalProperties", "items", "propertyNames"}) {
    if (node.contains(one)) each_schema(node.at(one), path + '/' + one, visit);
  }
  if (node.contains("oneOf")) {
    for (const Json& branch : node.at("oneOf")) each_schema(branch, path + "/oneOf", visit);
  }
}

}  // namespace

TEST_CASE("the schema printed is the file in the source tree", "[config]") {
  std::ifstream file{BACKSTAGE_CONFIG_DIR "/schema.json", std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  REQUIRE_FALSE(text.empty());
  CHECK(config_schema() == text);
}

TEST_CASE("the schema uses only keywords that the daemon obeys", "[config]") {
  const std::set<std::string> obeyed{
      "$schema",   "$id",       "$defs",     "$ref",       "title",   "description",
      "type",      "default",   "required",  "properties", "items",   "additionalProperties",
      "minItems",  "maxItems",  "enum",      "minimum",    "maximum", "patternProperties",
      "oneOf",     "minLength", "maxLength", "pattern",    "x-kind",  "propertyNames",
      "x-minimum", "x-maximum", "x-reload"};
  const auto known_kinds = kinds();
  const Schema schema;
  each_schema(schema.root(), "", [&](const Json& node, const std::string& path) {
    CAPTURE(path);
    for (const auto& [name, value] : node.items()) {
      CAPTURE(name);
      CHECK(obeyed.contains(name));
    }
    if (node.contains("x-kind")) {
      CHECK(std::ranges::count(known_kinds, node.at("x-kind").get<std::string>()) == 1);
    }
    // A pattern that stood alone would bind editors, but not the daemon.
    if (node.contains("pattern")) CHECK(node.contains("x-kind"));
    if (node.contains("patternProperties")) {
      CHECK(node.at("patternProperties").dump() == R"({"^x-":true})");
      CHECK(node.at("additionalProperties") == false);
    }
    if (node.contains("additionalProperties") && node.at("additionalProperties") == false) {
      CHECK(node.contains("patternProperties"));
      CHECK(node.contains("properties"));
    }
    if (node.contains("propertyNames")) CHECK(node.at("propertyNames").size() == 1);
    if (node.contains("enum") && node.contains("type")) {
      for (const Json& word : node.at("enum")) {
        CHECK(has_type(word, node.at("type").get<std::string>()));
      }
    }
  });
}

TEST_CASE("oneOf branches differ in type, so that a mistake has one meaning", "[config]") {
  const Schema schema;
  each_schema(schema.root(), "", [](const Json& node, const std::string& path) {
    if (!node.contains("oneOf")) return;
    CAPTURE(path);
    std::set<std::string> types;
    for (const Json& branch : node.at("oneOf")) types.insert(branch.at("type").get<std::string>());
    CHECK(types.size() == node.at("oneOf").size());
  });
}

TEST_CASE("every key of the schema says what it is for, and the defaults are valid", "[config]") {
  const Schema schema;
  each_schema(schema.root(), "", [&](const Json& node, const std::string& path) {
    if (!node.contains("properties")) return;
    for (const auto& [name, member] : node.at("properties").items()) {
      CAPTURE(path, name);
      CHECK(keyword(schema.root(), member, "description") != nullptr);
      const bool is_typed = keyword(schema.root(), member, "type") != nullptr ||
                            keyword(schema.root(), member, "oneOf") != nullptr;
      CHECK((is_typed || name == "config"));
    }
  });
  CHECK(schema.validate(schema.complete(Json::object())).empty());
}

TEST_CASE("the reload mark of a key is its own or the nearest above", "[config]") {
  const Schema schema;
  const std::vector<std::pair<const char*, bool>> marks{{"", false},
                                                        {"/workers", false},
                                                        {"/drain_timeout", true},
                                                        {"/log", true},
                                                        {"/log/level", true},
                                                        {"/log/format", true},
                                                        {"/$schema", true},
                                                        {"/gateway/cmd/bind/0", false},
                                                        {"/actors/a/config/b", false},
                                                        {"/types/t", false},
                                                        {"/plugins/config/p", false},
                                                        {"/activations/0/max", false}};
  for (const auto& [pointer, is_live] : marks) {
    CAPTURE(pointer);
    CHECK(schema.is_live(pointer) == is_live);
  }
}

TEST_CASE("an editor's pattern and the daemon's check agree", "[config]") {
  const std::vector<std::string> samples{
      "0ms", "1s", "10m", "24h",  "01s",  "1",    "s",    "",    "1 s",  "-1s",   "1.5s",
      "1us", "1S", "1s ", "0600", "0660", "0777", "0400", "600", "0o60", "06000", "0688"};
  const Schema schema;
  each_schema(schema.root(), "", [&](const Json& node, const std::string& path) {
    if (!node.contains("pattern")) return;
    const std::regex pattern{node.at("pattern").get<std::string>()};
    const auto kind = node.at("x-kind").get<std::string>();
    for (const auto& sample : samples) {
      CAPTURE(path, sample);
      const auto fault = judge_kind(kind, sample);
      // Every fine value fits the pattern; the daemon may know more (an owner needs 06).
      if (!fault) CHECK(std::regex_search(sample, pattern));
      if (kind == "duration") CHECK(std::regex_search(sample, pattern) == !fault.has_value());
    }
  });
}

TEST_CASE("a duration is a whole number and a unit", "[config]") {
  using namespace std::chrono_literals;
  CHECK(parse_duration("250ms") == 250ms);
  CHECK(parse_duration("10s") == 10s);
  CHECK(parse_duration("5m") == 5min);
  CHECK(parse_duration("1h") == 1h);
  CHECK(parse_duration("0s") == 0ms);
  for (const char* bad : {"99999999999999999999s", "9223372036854775807h", "876601000h", "1d"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_duration(bad));
  }
}

TEST_CASE("endpoints resolve below the runtime directory", "[config]") {
  CHECK(resolve_endpoint("ipc://{runtime_dir}/cmd.sock", "/run/b") == "ipc:///run/b/cmd.sock");
  CHECK(resolve_endpoint("tcp://127.0.0.1:*", "/run/b") == "tcp://127.0.0.1:*");
  for (const char* host : {"127.0.0.1", "127.255.1.2", "localhost", "::1"}) {
    CAPTURE(host);
    CHECK(is_loopback(host));
  }
  for (const char* host : {"128.0.0.1", "127.0.0", "127.0.0.256", "127.0.0.1.", "", "127.0.0.1.1",
                           "0127.0.0.1", "LOCALHOST.evil", "::"}) {
    CAPTURE(host);
    CHECK_FALSE(is_loopback(host));
  }
}

}  // namespace backstage::config
