// Config of keys and rules: what is good, and what each mistake is told.
#include <array>
#include <string>
#include <string_view>

#include "daemon/config/load.hpp"
#include "tests/support/catch.hpp"

namespace backstage::config {
namespace {

const Environment nowhere{
    .runtime_directory = {}, .state_directory = {}, .xdg_runtime_dir = {}, .uid = 1000};

Problems problems_of(const std::string& gateway) {
  auto loaded = load_config_text(R"({"gateway": )" + gateway + "}", "bad.json", {}, nowhere);
  return loaded ? Problems{} : std::move(loaded.error());
}

constexpr std::string_view keys =
    R"("curve": {"secret_key_file": "/s", "authorized_keys_dir": "/d"})";

std::string with_keys(std::string_view rest) {
  return std::string("{").append(keys).append(", ").append(rest).append("}");
}

}  // namespace

TEST_CASE("endpoints that other machines reach are CURVE where there are keys", "[config]") {
  CHECK(problems_of(with_keys(R"("cmd": {"bind": ["tcp://0.0.0.0:7770"]})")).empty());
  CHECK(
      problems_of(with_keys(R"("cmd": {"bind": [{"endpoint": "tcp://127.0.0.1:1", "curve": true}]},
                                 "acl": [{"user": "curve:a", "allow": ["*"]}])"))
          .empty());
  CHECK(problems_of(R"({"allow_remote_plaintext": true, "cmd": {"bind": ["tcp://*:7770"]}})")
            .empty());
  CHECK(problems_of(with_keys(R"("acl": [{"user": "tcp:*", "deny": ["admin", "name:x*"]}])"))
            .empty());
}

TEST_CASE("every key about who may what reaches its value", "[config]") {
  const auto load = [](const char* text) {
    auto loaded = load_config_text(text, "/etc/backstaged/good.json", {}, nowhere);
    if (!loaded) FAIL(render(loaded.error()));
    return *std::move(loaded);
  };
  const auto loaded = load(R"({"gateway": {
    "ingest": {"bind": [{"endpoint": "tcp://0.0.0.0:8", "curve": false},
                        {"endpoint": "tcp://127.0.0.1:8", "curve": true}]},
    "limits": {"connections_max": 10, "connections_per_principal": 11,
               "msgs_per_s_per_principal": 12, "subs_per_principal": 13},
    "allow_remote_plaintext": true,
    "curve": {"secret_key_file": "keys/s", "authorized_keys_dir": "/etc/clients"},
    "acl": [{"user": "curve:dash*", "allow": ["sub:sensors/*", "get"]},
            {"user": "*", "deny": ["*"], "x-why": "the rest"}]}})");
  const GatewayConfig& gateway = loaded.values.gateway;
  CHECK(gateway.ingest.bind == std::vector<BindConfig>{{"tcp://0.0.0.0:8", 0600, "", false},
                                                       {"tcp://127.0.0.1:8", 0600, "", true}});
  CHECK(gateway.limits.connections_max == 10);
  CHECK(gateway.limits.connections_per_principal == 11);
  CHECK(gateway.limits.msgs_per_s_per_principal == 12);
  CHECK(gateway.limits.subs_per_principal == 13);
  CHECK(gateway.allow_remote_plaintext);
  CHECK(gateway.curve == CurveConfig{"/etc/backstaged/keys/s", "/etc/clients"});
  CHECK(gateway.acl == std::vector<AclConfig>{{"curve:dash*", true, {"sub:sensors/*", "get"}},
                                              {"*", false, {"*"}}});
  const auto again = load(loaded.effective.c_str());
  CHECK(again.values == loaded.values);
  const auto changes = diff(load("{}"), loaded);
  for (const auto& change : changes) {
    CAPTURE(change.pointer);
    CHECK(change.is_live == (change.pointer == "/gateway/acl"));
  }
  CHECK(changes.size() == 8);
}

TEST_CASE("mistakes about keys and rules say what, where and what next", "[config]") {
  struct Row {
    std::string gateway;
    std::string_view code;
    std::string_view pointer;
    std::string_view fragment;
  };
  const std::array<Row, 19> rows{{
      {R"({"cmd": {"bind": ["tcp://0.0.0.0:7770"]}})", "CFG-301", "/gateway/cmd/bind/0",
       "backstagectl keygen"},
      {with_keys(R"("cmd": {"bind": [{"endpoint": "tcp://10.0.0.1:1", "curve": false}]})"),
       "CFG-301", "/gateway/cmd/bind/0/endpoint", "ssh -N -L"},
      {R"({"cmd": {"bind": [{"endpoint": "tcp://127.0.0.1:1", "curve": true}]}})", "CFG-308",
       "/gateway/cmd/bind/0/endpoint", "authorized_keys_dir"},
      {with_keys(R"("cmd": {"bind": [{"endpoint": "ipc:///a/b", "curve": true}]})"), "CFG-305",
       "/gateway/cmd/bind/0/curve", "for tcp endpoints only"},
      {with_keys(R"("cmd": {"bind": [{"endpoint": "tcp://127.0.0.1:1", "curve": 1}]})"), "CFG-203",
       "/gateway/cmd/bind/0/curve", "true or false"},
      {R"({"curve": {"secret_key_file": "/s"}})", "CFG-206", "/gateway/curve",
       "authorized_keys_dir"},
      {R"({"curve": {"secret_key_file": "", "authorized_keys_dir": "/d"}})", "CFG-207",
       "/gateway/curve/secret_key_file", ""},
      {R"({"curve": {"secret_key_file": 5, "authorized_keys_dir": "/d"}})", "CFG-203",
       "/gateway/curve/secret_key_file", "a string"},
      {R"({"curve": {"secret_key_file": "/s", "authorized_keys_dir": "/d", "keys": 1}})", "CFG-202",
       "/gateway/curve/keys", ""},
      {R"({"acl": [{"user": "*", "allow": ["*"], "deny": ["*"]}]})", "CFG-309", "/gateway/acl/0",
       "either allow or deny"},
      {R"({"acl": [{"user": "*"}]})", "CFG-309", "/gateway/acl/0", "either allow or deny"},
      {R"({"acl": [{"allow": ["*"]}]})", "CFG-206", "/gateway/acl/0", "user"},
      {R"({"acl": [{"user": "curve:desk", "allow": ["*"]}]})", "CFG-310", "/gateway/acl/0/user",
       "no endpoint is CURVE"},
      {R"({"acl": [{"user": "a b", "allow": ["*"]}]})", "CFG-218", "/gateway/acl/0/user",
       "unix:UID"},
      {R"({"acl": [{"user": "*", "allow": ["sned:x"]}]})", "CFG-219", "/gateway/acl/0/allow/0",
       "is no right"},
      {R"({"acl": [{"user": "*", "deny": ["send:a/b"]}]})", "CFG-219", "/gateway/acl/0/deny/0",
       "has no topic"},
      {R"({"acl": [{"user": "*", "allow": []}]})", "CFG-207", "/gateway/acl/0/allow", ""},
      {R"({"limits": {"connections_max": 0}})", "CFG-204", "/gateway/limits/connections_max", ""},
      {R"({"allow_remote_plaintext": "yes"})", "CFG-203", "/gateway/allow_remote_plaintext",
       "true or false"},
  }};
  for (const Row& row : rows) {
    const auto problems = problems_of(row.gateway);
    CAPTURE(row.gateway, render(problems));
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].code == row.code);
    CHECK(problems[0].pointer == row.pointer);
    CHECK((problems[0].what + problems[0].help).find(row.fragment) != std::string::npos);
  }
}

}  // namespace backstage::config
