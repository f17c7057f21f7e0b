// ZAP questions and their verdicts; rates of messages.
#include <array>
#include <string>
#include <vector>

#include "daemon/policy/token_bucket.hpp"
#include "daemon/policy/zap_check.hpp"
#include "tests/support/catch.hpp"

namespace backstage::policy {
namespace {

using namespace std::chrono_literals;

Key key_of(char fill) {
  Key key{};
  key.fill(fill);
  return key;
}

std::string bytes_of(const Key& key) { return {key.data(), key.size()}; }

AuthorizedKeys desk_only() {
  AuthorizedKeys keys;
  REQUIRE(keys.add("desk", key_of('d')));
  return keys;
}

struct Question {
  std::string version = "1.0";
  std::string domain = "backstaged";
  std::string address = "127.0.0.1";
  std::string mechanism = "NULL";
  std::vector<std::string> credentials{};
};

ZapVerdict ask(const Question& question, const ZapRules& rules) {
  const std::string id = "1";
  const std::string routing_id;
  std::vector<std::string_view> frames{question.version, id,         question.domain,
                                       question.address, routing_id, question.mechanism};
  for (const auto& one : question.credentials) frames.emplace_back(one);
  return check_zap(frames, rules);
}

}  // namespace

TEST_CASE("who connects is told by the kernel, its key or its address", "[policy]") {
  const auto keys = desk_only();
  const ZapRules rules{.keys = keys, .allows_remote_plaintext = false, .objection = {}};
  const auto user = [&](const Question& question) { return ask(question, rules).user; };
  CHECK(user({}) == "tcp:local");
  CHECK(user({.address = "127.8.9.1"}) == "tcp:local");
  CHECK(user({.address = "::1"}) == "tcp:local");
  CHECK(user({.address = "::ffff:127.0.0.1"}) == "tcp:local");
  CHECK(user({.address = "localhost:1000:100:4711"}) == "unix:1000");
  CHECK(user({.domain = "backstaged.pub", .address = "localhost:0:0:1"}) == "unix:0");
  CHECK(
      user({.address = "10.0.0.9", .mechanism = "CURVE", .credentials = {bytes_of(key_of('d'))}}) ==
      "curve:desk");
}

TEST_CASE("of whom libzmq does not ask the address alone says who it is", "[policy]") {
  for (const auto* local : {"127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"}) {
    CHECK(user_unasked(local) == "tcp:local");
  }
  for (const auto* other : {"", "10.0.0.9", "128.0.0.1", "::2", "::ffff:10.0.0.9", "localhost",
                            "localhost:0:0:1", "x127.0.0.1"}) {
    CAPTURE(other);
    CHECK(user_unasked(other).empty());
  }
}

TEST_CASE("who cannot prove who it is stays outside", "[policy]") {
  const auto keys = desk_only();
  const ZapRules rules{.keys = keys, .allows_remote_plaintext = false, .objection = {}};
  const std::vector<Question> strangers{
      {.mechanism = "CURVE", .credentials = {bytes_of(key_of('x'))}},
      {.mechanism = "CURVE", .credentials = {}},
      {.mechanism = "CURVE", .credentials = {"short"}},
      {.mechanism = "PLAIN", .credentials = {"admin", "admin"}},
      {.mechanism = "GSSAPI", .credentials = {"me"}},
      {.mechanism = ""},
      {.mechanism = "null"},
      {.address = "10.0.0.9"},
      {.address = "128.0.0.1"},
      {.address = "fe80::1"},
      {.address = ""},
      {.address = "localhost"},
      {.address = "localhost:"},
      {.address = "localhost::0:1"},
      {.address = "localhost:-1:0:1"},
      {.address = "localhost:root:0:1"},
  };
  for (const auto& question : strangers) {
    CAPTURE(question.mechanism, question.address);
    const auto verdict = ask(question, rules);
    CHECK(verdict.status == "400");
    CHECK(verdict.user.empty());
    CHECK_FALSE(verdict.why.empty());
    CHECK(verdict.id == "1");
  }
  for (const auto& question :
       {Question{.version = "2.0"}, Question{.domain = ""}, Question{.domain = "global"},
        Question{.domain = "backstaged."}, Question{.credentials = {bytes_of(key_of('d'))}},
        Question{.mechanism = "CURVE", .credentials = {bytes_of(key_of('d')), "more"}}}) {
    CHECK(ask(question, rules).status == "500");
    CHECK(ask(question, rules).user.empty());
  }
  CHECK_FALSE(check_zap({}, rules).is_answerable);
  const std::array<std::string_view, 3> cut{"1.0", "7", "backstaged"};
  CHECK(check_zap(cut, rules).status == "500");
  CHECK(check_zap(cut, rules).id == "7");
}

TEST_CASE("other machines come in without a key only where the operator says so", "[policy]") {
  const AuthorizedKeys keys;
  const ZapRules rules{.keys = keys, .allows_remote_plaintext = true, .objection = {}};
  CHECK(ask({.address = "10.0.0.9"}, rules).user == "tcp:remote");
  CHECK(ask({.address = "fe80::1"}, rules).user == "tcp:remote");
  CHECK(ask({.address = "127.0.0.1"}, rules).user == "tcp:local");
  CHECK(ask({.mechanism = "CURVE", .credentials = {bytes_of(key_of('x'))}}, rules).user.empty());
}

TEST_CASE("an objection has the last word, and says whether to ask again later", "[policy]") {
  const auto keys = desk_only();
  ZapRules rules{.keys = keys, .allows_remote_plaintext = false, .objection = {}};
  rules.objection = [](const Candidate& candidate) -> std::optional<ZapRules::Objection> {
    if (candidate.door == Door::pub) return ZapRules::Objection{"no", false};
    if (candidate.user == "unix:7") return ZapRules::Objection{"too many", true};
    return std::nullopt;
  };
  CHECK(ask({}, rules).status == "200");
  CHECK(ask({.domain = "backstaged.pub"}, rules).status == "400");
  CHECK(ask({.address = "localhost:7:7:7"}, rules).status == "300");
  CHECK(ask({.address = "localhost:7:7:7"}, rules).user.empty());
}

TEST_CASE("a principal may send a second's messages at once, and then its rate", "[policy]") {
  TokenBucket bucket(1'000);
  const auto start = 100s;
  for (int i = 0; i < 1'000; ++i) REQUIRE(bucket.take(start) == 0ms);
  CHECK(bucket.take(start) == 1ms);
  CHECK(bucket.take(start, 10) == 10ms);
  CHECK(bucket.take(start + 1ms) == 0ms);
  CHECK(bucket.take(start + 1ms) == 1ms);
  // Time that was not used is not saved for ever.
  for (int i = 0; i < 1'000; ++i) REQUIRE(bucket.take(start + 1h) == 0ms);
  CHECK(bucket.take(start + 1h) > 0ms);
}

TEST_CASE("a batch beyond the bucket goes once it is full, and has to be paid for", "[policy]") {
  TokenBucket bucket(10);
  CHECK(bucket.take(0s, 30) == 0ms);
  CHECK(bucket.take(1s) > 0ms);
  CHECK(bucket.take(2s) > 0ms);
  CHECK(bucket.take(3100ms) == 0ms);
  TokenBucket open(0);
  for (int i = 0; i < 100'000; ++i) REQUIRE(open.take(0s, 1'000'000) == 0ms);
}

TEST_CASE("local principals are held to no rates", "[policy]") {
  CHECK(is_remote("curve:desk"));
  CHECK(is_remote("tcp:remote"));
  CHECK(is_remote(""));
  CHECK_FALSE(is_remote("tcp:local"));
  CHECK_FALSE(is_remote("unix:1000"));
}

}  // namespace backstage::policy
