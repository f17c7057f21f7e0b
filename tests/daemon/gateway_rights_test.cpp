// Who may what, through the whole of the gateway's logic: rules, rates, keys that go.
#include <fmt/core.h>

#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/gateway_fixture.hpp"

namespace backstage::gateway::test {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

policy::Rule rule(std::string user, bool allows, std::initializer_list<std::string_view> entries) {
  policy::Rule made{.user = std::move(user), .allows = allows, .entries = {}};
  for (const auto text : entries) made.entries.push_back(policy::parse_entry(text).value());
  return made;
}

Options with_rules(std::vector<policy::Rule> rules) {
  Options options = GatewayWorld::default_options();
  options.acl = std::move(rules);
  return options;
}

policy::AuthorizedKeys keys_of(std::initializer_list<const char*> names) {
  policy::AuthorizedKeys keys;
  for (const char* name : names) {
    policy::Key key{};
    key[0] = name[0];
    REQUIRE(keys.add(name, key));
  }
  return keys;
}

Options with_keys(std::initializer_list<const char*> names, std::vector<policy::Rule> rules) {
  Options options = with_rules(std::move(rules));
  options.curve.keys = keys_of(names);
  return options;
}

}  // namespace

TEST_CASE("each verb needs its right, and says 403 without it", "[gateway][rights]") {
  struct Row {
    const char* right;
    const char* command;
    const char* answer;
  };
  // What is answered once the right is there: not 403.
  const Row rows[] = {
      {"send:counter", "SEND counter id=1\n5", "ERR 1 404 no_actor"},
      {"req:counter", "REQ counter id=1\n5", "ERR 1 404 no_actor"},
      {"admin", "REQ $backstage id=1\n{}", "ERR 1 404 no_actor"},
      {"admin", "SEND $backstage id=1\n{}", "ERR 1 404 no_actor"},
      {"pub:feed/*", "PUB feed/x id=1\n5", "OK 1 n=0 full=0"},
      {"pub:client.*", "PUB /x id=1\n5", "OK 1 n=0 full=0"},
      {"sub:feed/x", "SUB feed/x id=1", "OK 1 sub=1 seq=0"},
      {"sub:feed/*", "SUB feed/> id=1", "OK 1 sub=1"},
      {"get:feed/x", "GET feed/x id=1", "ERR 1 404 no_value"},
      {"sync", "SYNC here id=1", "OK 1"},
      {"watch:counter", "WATCH counter id=1", "OK 1"},
      {"name:desk", "HELLO v=1 id=1 name=desk", "WELCOME v=1 name=desk"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.right, row.command);
    GatewayWorld world(with_rules({rule("unix:7", true, {row.right})}));
    CHECK(world.dealer_of("unix:8").ask(row.command) == Lines{"ERR 1 403 forbidden"});
    const auto heard = world.dealer_of("unix:7").ask(row.command);
    REQUIRE_FALSE(heard.empty());
    CHECK(heard[0].starts_with(row.answer));
    CHECK(world.counters.forbidden.get() == 1);
  }
}

TEST_CASE("what concerns only its own session needs no right", "[gateway][rights]") {
  GatewayWorld world;
  auto client = world.dealer_of("unix:7");
  CHECK(client.ask("PING here") == Lines{"PONG epoch=e10e9ffb subs=0 here"});
  CHECK(client.ask("HELLO v=1 id=1")[0].starts_with("WELCOME v=1 name=client."));
  CHECK(client.ask("UNSUB a id=2") == Lines{"ERR 2 404 no_sub"});
  CHECK(client.ask("SUB a id=3") == Lines{"ERR 3 403 forbidden"});
  CHECK(client.ask("BYE") == Lines{"BYE 200 ok"});
}

TEST_CASE("under a name that is held only an express rule lets one publish", "[gateway][rights]") {
  GatewayWorld world(
      with_rules({rule("unix:7", true, {"pub:desk/*"}), rule("unix:8", true, {"*"})}));
  auto desk = world.dealer();
  REQUIRE(desk.ask("HELLO v=1 name=desk")[0].starts_with("WELCOME"));
  CHECK(world.dealer().ask("PUB desk/x id=1\n5") == Lines{"ERR 1 403 forbidden"});
  CHECK(world.dealer_of("unix:8").ask("PUB desk/x id=1\n5") == Lines{"ERR 1 403 forbidden"});
  CHECK(world.dealer_of("unix:7").ask("PUB desk/x id=1\n5") == Lines{"OK 1 n=0 full=0"});
}

TEST_CASE("ingest asks for the right to speak, and the right of what is said",
          "[gateway][rights]") {
  GatewayWorld world(
      with_rules({rule("unix:7", true, {"ingest:meter*", "pub:meter*/*", "send:sink"}),
                  rule("unix:9", true, {"ingest:desk", "pub"})}));
  auto watcher = world.dealer();
  auto desk = world.dealer();
  REQUIRE(desk.ask("HELLO v=1 name=desk")[0].starts_with("WELCOME"));
  REQUIRE(watcher.ask("SUB */> id=1") == Lines{"OK 1 sub=1"});
  world.ingest("PUB meter-1/level\n41", "unix:7");
  CHECK(watcher.heard() == Lines{"MSG 1 meter-1/level 1 meter-1\n41"});
  world.ingest("PUB feed/level\n41", "unix:7");
  world.ingest("PUB meter-1/level\n41", "unix:8");
  world.ingest("PUB meter-1/level\n41", "");
  world.ingest("SEND other from=meter-1\n5", "unix:7");
  world.ingest("SEND sink\n5", "unix:7");
  CHECK(watcher.heard().empty());
  CHECK(world.counters.ingest_refused.get() == 5);
  CHECK(world.counters.unauthenticated.get() == 1);
  // A name that is held: an express rule.
  world.ingest("PUB desk/x\n1");
  CHECK(watcher.heard().empty());
  world.ingest("PUB desk/x\n2", "unix:9");
  CHECK(watcher.heard() == Lines{"MSG 1 desk/x 1 desk\n2"});
}

TEST_CASE("who has proved nothing is answered 401 and gets no session", "[gateway][rights]") {
  GatewayWorld world(with_keys({"desk"}, {rule("*", true, {"*"})}));
  for (const auto* user : {"", "curve:other"}) {
    auto client = world.dealer_of(user);
    CHECK(client.ask("HELLO v=1 id=1") == Lines{"ERR 1 401 unauthenticated"});
    CHECK(client.ask("SEND counter id=2\n5") == Lines{"ERR 2 401 unauthenticated"});
  }
  CHECK(world.counters.sessions.get() == 0);
  CHECK(world.counters.unauthenticated.get() == 4);
  CHECK(world.dealer_of("curve:desk").ask("PING")[0].starts_with("PONG"));
}

TEST_CASE("a key that goes ends its sessions, and requests to them", "[gateway][rights]") {
  GatewayWorld world(with_keys({"desk", "feed"}, {rule("*", true, {"*"})}));
  auto desk = world.dealer_of("curve:desk");
  auto second = world.dealer_of("curve:desk");
  auto feed = world.dealer_of("curve:feed");
  REQUIRE(desk.ask("HELLO v=1 name=desk")[0].starts_with("WELCOME"));
  REQUIRE(second.ask("SUB feed/x id=1")[0].starts_with("OK 1"));
  REQUIRE(feed.ask("REQ desk id=1\nwell?").empty());
  REQUIRE(desk.heard().size() == 1);
  const auto lost = world.principals.set_keys(keys_of({"feed"}));
  REQUIRE(lost.size() == 1);
  world.front.revoke(*lost[0]);
  world.settle();
  CHECK(desk.heard() == Lines{"BYE 401 unauthenticated"});
  CHECK(second.heard() == Lines{"BYE 401 unauthenticated"});
  CHECK(feed.heard() == Lines{"ERR 1 500 actor_failed"});
  CHECK(desk.ask("HELLO v=1 id=2") == Lines{"ERR 2 401 unauthenticated"});
  CHECK(feed.ask("PUB feed/x id=3\n5") == Lines{"OK 3 n=0 full=0"});
  CHECK(feed.ask("HELLO v=1 name=desk id=4")[0].starts_with("ERR 4 400"));
  CHECK(world.events.has("revoked curve:desk 2"));
}

TEST_CASE("a new key under an old name ends what the old key began", "[gateway][rights]") {
  GatewayWorld world(with_keys({"desk"}, {rule("*", true, {"*"})}));
  auto desk = world.dealer_of("curve:desk");
  REQUIRE(desk.ask("HELLO v=1 name=desk")[0].starts_with("WELCOME"));
  policy::AuthorizedKeys other;
  policy::Key key{};
  key[0] = 'X';
  REQUIRE(other.add("desk", key));
  const auto lost = world.principals.set_keys(std::move(other));
  REQUIRE(lost.size() == 1);
  world.front.revoke(*lost[0]);
  world.settle();
  CHECK(desk.heard() == Lines{"BYE 401 unauthenticated"});
}

TEST_CASE("changed rules end subscriptions at once, with what waits for them",
          "[gateway][rights]") {
  GatewayWorld world(with_rules({rule("unix:7", true, {"sub"})}));
  auto reader = world.dealer_of("unix:7");
  auto feed = world.dealer();
  REQUIRE(reader.ask("SUB feed/x id=1") == Lines{"OK 1 sub=1 seq=0"});
  REQUIRE(reader.ask("SUB feed/> id=2") == Lines{"OK 2 sub=2"});
  REQUIRE(reader.ask("SUB other/x id=3") == Lines{"OK 3 sub=3 seq=0"});
  reader.take_only(0);
  REQUIRE(feed.ask("PUB feed/x id=1\n1") == Lines{"OK 1 n=2 full=0"});
  REQUIRE(feed.ask("PUB other/x id=2\n2") == Lines{"OK 2 n=1 full=0"});
  world.principals.set_rules({rule("unix:7", true, {"sub:other/*", "send"})});
  world.front.apply_rules();
  REQUIRE(feed.ask("PUB feed/x id=3\n3") == Lines{"OK 3 n=0 full=0"});
  reader.take_all();
  auto heard = reader.heard();
  std::sort(heard.begin(), heard.end());
  CHECK(heard == Lines{"ERR 0 403 forbidden sub=1", "ERR 0 403 forbidden sub=2",
                       "MSG 3 other/x 1 client.2\n2"});
  CHECK(reader.ask("SUB feed/x id=4") == Lines{"ERR 4 403 forbidden"});
  CHECK(reader.ask("SEND nobody id=5\n1") == Lines{"ERR 5 404 no_actor"});
  // And back: allowed again, it may subscribe again.
  world.principals.set_rules({rule("unix:7", true, {"sub"})});
  world.front.apply_rules();
  CHECK(reader.ask("SUB feed/x id=6") == Lines{"OK 6 sub=4 seq=2"});
}

TEST_CASE("remote principals are held to a rate, all their connections together",
          "[gateway][rights]") {
  auto options = with_keys({"desk", "feed"}, {rule("*", true, {"*"})});
  options.limits.messages_per_second_max = 10;
  GatewayWorld world(options);
  auto one = world.dealer_of("curve:desk");
  auto two = world.dealer_of("curve:desk");
  for (int i = 0; i < 5; ++i) {
    CHECK(one.ask("PING")[0].starts_with("PONG"));
    CHECK(two.ask("PING")[0].starts_with("PONG"));
  }
  CHECK(one.ask("SEND counter id=7\n5") == Lines{"ERR 7 429 rate retry=100"});
  CHECK(two.ask("garbage id=8") == Lines{"ERR 8 429 rate retry=100"});
  auto local = world.dealer();
  for (int i = 0; i < 100; ++i) CHECK(local.ask("PING")[0].starts_with("PONG"));
  CHECK(world.dealer_of("curve:feed").ask("PING")[0].starts_with("PONG"));
  CHECK(world.counters.over_rate.get() == 2);
  world.advance(100ms);
  CHECK(one.ask("PING")[0].starts_with("PONG"));
  CHECK(one.ask("SEND counter id=9\n5") == Lines{"ERR 9 429 rate retry=100"});
}

TEST_CASE("each message of a batch needs its right, and counts", "[gateway][rights]") {
  const auto batch = [](std::uint64_t id, std::initializer_list<std::string> messages) {
    std::string text = fmt::format("BATCH {} id={}\n", messages.size(), id);
    for (const auto& message : messages) {
      text.append({static_cast<char>(message.size()), '\0', '\0', '\0'}).append(message);
    }
    return text;
  };
  auto options = with_keys({"desk"}, {rule("curve:desk", true, {"pub:a/*", "ingest:a"})});
  options.limits.messages_per_second_max = 10;
  GatewayWorld world(options);
  auto desk = world.dealer_of("curve:desk");
  CHECK(desk.ask(batch(3, {"PUB a/x id=1\n1", "PUB b/x id=2\n1"})) ==
        Lines{"OK 1 n=0 full=0", "ERR 2 403 forbidden", "OK 3"});
  // Three are gone; seven are left, of which the whole itself takes one.
  const std::string ping = "PING";
  CHECK(desk.ask(batch(4, {ping, ping, ping, ping, ping, ping, ping}))[0].starts_with(
      "ERR 4 429 rate retry="));
  CHECK(desk.ask(batch(5, {ping, ping, ping, ping, ping})).size() == 6);
  auto watcher = world.dealer();
  REQUIRE(watcher.ask("SUB */> id=1") == Lines{"OK 1 sub=1"});
  world.advance(1s);
  world.ingest(batch(1, {"PUB a/x\n2", "PUB b/x\n3"}), "curve:desk");
  CHECK(watcher.heard() == Lines{"MSG 1 a/x 2 a\n2"});
}

TEST_CASE("remote principals have so many subscriptions, all their sessions together",
          "[gateway][rights]") {
  auto options = with_keys({"desk"}, {rule("*", true, {"*"})});
  options.limits.subscriptions_per_principal_max = 2;
  GatewayWorld world(options);
  auto one = world.dealer_of("curve:desk");
  auto two = world.dealer_of("curve:desk");
  CHECK(one.ask("SUB a id=1")[0].starts_with("OK 1"));
  CHECK(two.ask("SUB b id=1")[0].starts_with("OK 1"));
  CHECK(two.ask("SUB c id=2") == Lines{"ERR 2 429 subs_full retry=1000"});
  CHECK(two.ask("SUB b id=3 over=newest")[0].starts_with("OK 3"));
  CHECK(two.ask("UNSUB b id=4") == Lines{"OK 4"});
  CHECK(two.ask("SUB c id=5")[0].starts_with("OK 5"));
  one.leave();
  CHECK(two.ask("SUB d id=6")[0].starts_with("OK 6"));
  auto local = world.dealer();
  for (int i = 1; i < 10; ++i) {
    const auto answer = local.ask(fmt::format("SUB s{} id={}", i, i))[0];
    CHECK(answer.starts_with(fmt::format("OK {}", i)));
  }
}

}  // namespace backstage::gateway::test
