// WATCH, UNWATCH and DOWN: an end is told once, whatever kind of end, and passivation is none.
#include "tests/support/catch.hpp"
#include "tests/support/gateway_fixture.hpp"

namespace backstage::gateway::test {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

TEST_CASE("an actor's end is told once to who watches it", "[gateway]") {
  GatewayWorld world;
  (void)world.stage.type("counter");
  const auto id = world.stage.spawn("counter", "counter");
  auto client = world.dealer();
  CHECK(client.ask("WATCH counter id=1") == Lines{"OK 1"});
  CHECK(client.ask("WATCH counter id=2") == Lines{"OK 2"});
  REQUIRE(world.stage.engine.stop(id, StopVerb::stop));
  world.settle();
  CHECK(client.heard() == Lines{"DOWN counter stopped"});
  const auto again = world.stage.spawn("counter", "counter");
  REQUIRE(world.stage.engine.stop(again, StopVerb::kill));
  world.settle();
  CHECK(client.heard().empty());
}

TEST_CASE("an unknown actor is down at once, after the OK", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  CHECK(client.ask("WATCH nosuch id=1") == Lines{"OK 1", "DOWN nosuch no_actor"});
  CHECK(client.ask("WATCH nosuch") == Lines{"DOWN nosuch no_actor"});
  CHECK(client.ask("UNWATCH nosuch id=2") == Lines{"ERR 2 404 no_sub"});
}

TEST_CASE("UNWATCH ends a watch, and what is not watched is no_sub", "[gateway]") {
  GatewayWorld world;
  (void)world.stage.type("counter");
  const auto id = world.stage.spawn("counter", "counter");
  auto client = world.dealer();
  CHECK(client.ask("UNWATCH counter id=1") == Lines{"ERR 1 404 no_sub"});
  client.say("WATCH counter id=2");
  CHECK(client.ask("UNWATCH counter id=3") == Lines{"OK 2", "OK 3"});
  REQUIRE(world.stage.engine.stop(id, StopVerb::stop));
  world.settle();
  CHECK(client.heard().empty());
}

TEST_CASE("a DOWN that waits for a slow client is not told after its UNWATCH", "[gateway]") {
  GatewayWorld world;
  (void)world.stage.type("counter");
  const auto id = world.stage.spawn("counter", "counter");
  auto client = world.dealer();
  client.say("WATCH counter id=1");
  (void)client.heard();
  client.take_only(0);
  REQUIRE(world.stage.engine.stop(id, StopVerb::stop));
  world.settle();
  client.say("UNWATCH counter id=2");
  client.take_all();
  CHECK(client.heard() == Lines{"OK 2"});
}

TEST_CASE("a restart is no end, parking is one, and a parked actor is down at once", "[gateway]") {
  GatewayWorld world;
  const auto fail = [](Context&, const Envelope&) -> Outcome {
    return std::unexpected(Failure{"as it was told"});
  };
  (void)world.stage.type("fragile", fail);
  (void)world.stage.spawn("fragile", "fragile");
  auto client = world.dealer();
  client.say("WATCH fragile id=1");
  CHECK(client.ask("SEND fragile id=2\nx") == Lines{"OK 1", "OK 2"});
  world.stage.advance(1s);
  world.settle();
  CHECK(world.stage.record.has("restarting fragile"));
  CHECK(client.heard().empty());
  for (int i = 0; i < 4; ++i) {
    client.say("SEND fragile\nx");
    world.stage.advance(1s);
    world.settle();
  }
  CHECK(client.heard().at(0) == "DOWN fragile parked");
  CHECK(client.ask("WATCH fragile id=9") == Lines{"OK 9", "DOWN fragile parked"});
}

TEST_CASE("passivation is no end: the watch goes on with the next of that name", "[gateway]") {
  GatewayWorld world;
  (void)world.stage.type("book");
  ActivationRule rule;
  rule.activate = "book:{1}";
  rule.type = "book";
  rule.idle = 1min;
  REQUIRE(world.stage.engine.add_activation(rule));
  auto client = world.dealer();
  CHECK(client.ask("WATCH book:a id=1") == Lines{"OK 1"});
  client.say("SEND book:a\nx");
  for (int i = 0; i < 3; ++i) {
    world.stage.advance(1min);
    world.settle();
  }
  CHECK(world.stage.record.has("ended book:a passivated"));
  client.say("SEND book:a\nx");
  CHECK(client.heard().empty());
  REQUIRE(world.stage.engine.stop(*world.stage.engine.find("book:a"), StopVerb::stop));
  world.settle();
  CHECK(client.heard() == Lines{"DOWN book:a stopped"});
}

TEST_CASE("a session is watched by its name, as any actor", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  auto desk = world.dealer();
  desk.say("HELLO v=1 name=desk");
  CHECK(client.ask("WATCH desk id=1") == Lines{"OK 1"});
  desk.leave();
  CHECK(client.heard() == Lines{"DOWN desk disconnected"});
}

TEST_CASE("watches of a session are limited, and end with it", "[gateway]") {
  auto options = GatewayWorld::default_options();
  options.limits.subscriptions_per_session_max = 2;
  GatewayWorld world(options);
  (void)world.stage.type("counter");
  for (const auto* name : {"a", "b", "c"}) (void)world.stage.spawn("counter", name);
  auto client = world.dealer();
  client.say("WATCH a id=1");
  client.say("WATCH b id=2");
  (void)client.heard();
  CHECK(client.ask("WATCH c id=3") == Lines{"ERR 3 429 subs_full retry=1000"});
  CHECK(client.ask("WATCH a id=4") == Lines{"OK 4"});
  client.leave();
  REQUIRE(world.stage.engine.stop(*world.stage.engine.find("a"), StopVerb::stop));
  world.settle();
  CHECK(world.stage.ledger().is_balanced());
}

TEST_CASE("a REQ socket cannot watch", "[gateway]") {
  GatewayWorld world;
  auto client = world.req();
  CHECK(client.ask("WATCH a id=1") == Lines{"ERR 1 405 needs_dealer"});
  CHECK(client.ask("UNWATCH a id=2") == Lines{"ERR 2 405 needs_dealer"});
}

}  // namespace
}  // namespace backstage::gateway::test
