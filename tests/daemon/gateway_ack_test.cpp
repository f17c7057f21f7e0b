// Windows and acknowledgements: who may have so many in flight waits alone.
#include "tests/daemon/gateway_resume.hpp"

namespace backstage::gateway::test {
namespace {

TEST_CASE("no more than window messages of a subscription are in flight", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  auto feed = world.dealer();
  CHECK(client.ask("SUB a id=1 window=2") == Lines{"OK 1 sub=1 seq=0"});
  publish(feed, "a", 5);
  CHECK(client.heard() == Lines{"MSG 1 a/default 1 client.2\nx", "MSG 1 a/default 2 client.2\nx"});
  CHECK(client.ask("ACK 1 1") == Lines{"MSG 1 a/default 3 client.2\nx"});
  CHECK(client.ask("ACK 1 1").empty());
  CHECK(client.ask("ACK 1 3") ==
        Lines{"MSG 1 a/default 4 client.2\nx", "MSG 1 a/default 5 client.2\nx"});
  CHECK(client.ask("ACK 1 5").empty());
  CHECK(world.counters.windows_shut.get() == 3);
}

TEST_CASE("a shut window holds up no other subscription, no mail, no reply and no answer",
          "[gateway]") {
  GatewayWorld world;
  (void)world.stage.type("echo", [](Context& context, const Envelope& envelope) -> Outcome {
    (void)context.reply(envelope.request_ref(), {{}, envelope.payload});
    return Handled::done;
  });
  (void)world.stage.spawn("echo", "echo");
  auto client = world.dealer();
  auto feed = world.dealer();
  client.say("SUB a id=1 window=1");
  client.say("SUB b id=2");
  (void)client.heard();
  publish(feed, "a", 3);
  publish(feed, "b", 1);
  feed.say("SEND client.1\nhello");
  CHECK(client.heard() == Lines{"MSG 1 a/default 1 client.2\nx", "MSG 2 b/default 1 client.2\nx",
                                "MSG 0 client.1 0 client.2\nhello"});
  CHECK(client.ask("REQ echo id=3\nhi") == Lines{"REP 3\nhi"});
  CHECK(client.ask("PING") == Lines{"PONG epoch=e10e9ffb subs=2"});
  CHECK(client.ask("ACK 1 1") == Lines{"MSG 1 a/default 2 client.2\nx"});
}

TEST_CASE("over a session's budget over= decides what of the waiting is lost, and a GAP tells",
          "[gateway]") {
  auto options = GatewayWorld::default_options();
  options.limits.session_messages_max = 3;
  for (const auto& [over, expected] : std::vector<std::pair<std::string, Lines>>{
           {"oldest", {"GAP 1 a/default 2 5 slow", "MSG 1 a/default 6 client.2\nx"}},
           {"newest", {"MSG 1 a/default 2 client.2\nx"}},
           {"conflate", {"GAP 1 a/default 2 7 conflate", "MSG 1 a/default 8 client.2\nx"}}}) {
    INFO(over);
    GatewayWorld world(options);
    auto client = world.dealer();
    auto feed = world.dealer();
    client.say("SUB a id=1 window=1 over=" + over);
    (void)client.heard();
    publish(feed, "a", 8);
    CHECK(client.heard() == Lines{"MSG 1 a/default 1 client.2\nx"});
    CHECK(client.ask("ACK 1 1") == expected);
    CHECK(world.stage.ledger().is_balanced());
  }
}

TEST_CASE("ack=1 ends the session rather than lose a message, unless over= says otherwise",
          "[gateway]") {
  auto options = GatewayWorld::default_options();
  options.limits.session_messages_max = 3;
  GatewayWorld world(options);
  auto client = world.dealer();
  auto feed = world.dealer();
  client.say("HELLO v=1 name=desk");
  client.say("SUB a id=1 window=1 ack=1");
  (void)client.heard();
  publish(feed, "a", 4);
  CHECK(client.heard().size() == 1);
  publish(feed, "a", 1);
  CHECK(client.heard() == Lines{"BYE 429 slow_consumer"});
  CHECK(world.counters.kicked.get() == 1);
}

TEST_CASE("ack=1 without a window has a thousand in flight", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  auto feed = world.dealer();
  client.say("SUB a id=1 ack=1");
  (void)client.heard();
  publish(feed, "a", 1'005);
  CHECK(client.heard().size() == 1'000);
  CHECK(client.ask("ACK 1 1000").size() == 5);
}

TEST_CASE("an ACK on a pattern is cumulative in the order delivered", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  auto feed = world.dealer();
  client.say("SUB a/> id=1 window=4");
  (void)client.heard();
  publish(feed, "a/x", 3);
  publish(feed, "a/y", 3);
  CHECK(client.heard().size() == 4);
  // Of the two messages numbered 1, the one delivered last: a/y.
  CHECK(client.ask("ACK 1 1") == Lines{"MSG 1 a/y 2 client.2\nx", "MSG 1 a/y 3 client.2\nx"});
}

TEST_CASE("an ACK with an address covers that address alone", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  auto feed = world.dealer();
  client.say("SUB a/> id=1 window=4");
  (void)client.heard();
  publish(feed, "a/x", 2);
  publish(feed, "a/y", 4);
  CHECK(client.heard().size() == 4);
  CHECK(client.ask("ACK 1 1 a/y") == Lines{"MSG 1 a/y 3 client.2\nx"});
  CHECK(client.ask("ACK 1 1 a/y").empty());
  CHECK(client.ask("ACK 1 9 a/nobody").empty());
  // A number that x was not sent, above all that it was.
  CHECK(client.ask("ACK 1 7 a/x") == Lines{"MSG 1 a/y 4 client.2\nx"});
  CHECK(client.ask("ACK 1 4").empty());
  publish(feed, "a/z", 5);
  CHECK(client.heard().size() == 4);
  CHECK(world.counters.acknowledged.get() == 3);
  CHECK(client.ask("ACK 1 1 a/* id=2")[0].starts_with("ERR 2 400 bad_addr"));
  CHECK(client.ask("ACK 7 1 a/x id=3") == Lines{"ERR 3 404 no_sub"});
}

TEST_CASE("an ACK with an address on a subscription of one is as without, if it is that one",
          "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  auto feed = world.dealer();
  client.say("SUB a id=1 window=2");
  (void)client.heard();
  publish(feed, "a", 5);
  CHECK(client.heard().size() == 2);
  CHECK(client.ask("ACK 1 2 b").empty());
  CHECK(client.ask("ACK 1 1 a") == Lines{"MSG 1 a/default 3 client.2\nx"});
  CHECK(client.ask("ACK 1 3 a/default").size() == 2);
}

TEST_CASE("what was acknowledged by address does not come again, and the rest does in its order",
          "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  auto feed = world.dealer();
  const auto token = open(client, "name=desk ttl=30");
  client.say("SUB a/> id=1 ack=1");
  (void)client.heard();
  for (int i = 0; i < 3; ++i) {
    publish(feed, "a/x", 1);
    publish(feed, "a/y", 1);
  }
  CHECK(client.heard().size() == 6);
  client.say("ACK 1 2 a/y");
  (void)client.heard();
  client.leave();
  auto again = world.dealer();
  const auto told = resume(again, token);
  REQUIRE(told.size() == 5);
  CHECK(told[1] == "MSG 1 a/x 1 client.2 redelivered=1\nx");
  CHECK(told[2] == "MSG 1 a/x 2 client.2 redelivered=1\nx");
  CHECK(told[3] == "MSG 1 a/x 3 client.2 redelivered=1\nx");
  CHECK(told[4] == "MSG 1 a/y 3 client.2 redelivered=1\nx");
}

TEST_CASE("an ACK of a subscription that is not there is told, one without a window is not",
          "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  client.say("SUB a id=1");
  (void)client.heard();
  CHECK(client.ask("ACK 1 7").empty());
  CHECK(client.ask("ACK 2 7") == Lines{"ERR 0 404 no_sub"});
  CHECK(client.ask("ACK 0 7 id=5") == Lines{"ERR 5 404 no_sub"});
  auto req = world.req();
  CHECK(req.ask("ACK 1 1") == Lines{"ERR 0 405 needs_dealer"});
}

TEST_CASE("UNSUB tells what a shut window kept back, and nothing of it comes later", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  auto feed = world.dealer();
  client.say("SUB a id=1 window=1");
  (void)client.heard();
  publish(feed, "a", 4);
  CHECK(client.ask("UNSUB a id=2") ==
        Lines{"MSG 1 a/default 1 client.2\nx", "GAP 1 a/default 2 4 slow", "OK 2"});
  publish(feed, "a", 2);
  CHECK(client.heard().empty());
  CHECK(client.ask("ACK 1 1") == Lines{"ERR 0 404 no_sub"});
  CHECK(world.stage.ledger().is_balanced());
  CHECK(client.ask("SUB a id=3 window=1") == Lines{"OK 3 sub=2 seq=6"});
}

TEST_CASE("UNSUB while a slow client's window fills loses no OK behind it", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  auto feed = world.dealer();
  client.say("SUB a id=1 window=2");
  (void)client.heard();
  client.take_only(0);
  publish(feed, "a", 6);
  client.say("UNSUB a id=2");
  client.take_all();
  CHECK(client.heard() == Lines{"MSG 1 a/default 1 client.2\nx", "MSG 1 a/default 2 client.2\nx",
                                "GAP 1 a/default 3 6 slow", "OK 2"});
  CHECK(world.stage.ledger().is_balanced());
}

TEST_CASE("a repeated SUB widens a window and what waited comes", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  auto feed = world.dealer();
  client.say("SUB a id=1 window=1");
  (void)client.heard();
  publish(feed, "a", 3);
  CHECK(client.heard().size() == 1);
  const auto heard = client.ask("SUB a id=2 window=3");
  REQUIRE(heard.size() == 3);
  CHECK(heard[0] == "OK 2 sub=1 seq=3");
  CHECK(heard[2] == "MSG 1 a/default 3 client.2\nx");
}

TEST_CASE("a repeated SUB says window and ack anew, and over= stays as it was", "[gateway]") {
  auto options = GatewayWorld::default_options();
  options.limits.session_messages_max = 3;
  GatewayWorld world(options);
  auto client = world.dealer();
  auto feed = world.dealer();
  client.say("SUB a id=1 window=1 over=newest");
  (void)client.heard();
  publish(feed, "a", 3);
  CHECK(client.heard().size() == 1);
  CHECK(client.ask("SUB a id=2").size() == 3);
  publish(feed, "a", 2);
  CHECK(client.heard().size() == 2);
  client.say("SUB a id=3 window=1");
  (void)client.heard();
  publish(feed, "a", 6);
  CHECK(client.ask("ACK 1 6") ==
        Lines{"MSG 1 a/default 6 client.2\nx", "MSG 1 a/default 7 client.2\nx"});
}

TEST_CASE("what is in flight is bounded in bytes for the whole session", "[gateway]") {
  auto options = GatewayWorld::default_options();
  options.limits.session_bytes_max = 2'000;
  GatewayWorld world(options);
  auto client = world.dealer();
  auto feed = world.dealer();
  client.say("HELLO v=1 ttl=30");
  client.say("SUB a id=1 ack=1 over=oldest");
  client.say("SUB b id=2 window=9");
  (void)client.heard();
  const std::string body(800, 'x');
  for (int i = 0; i < 3; ++i) feed.say("PUB a\n" + body);
  publish(feed, "b", 1);
  // Two copies reach the bound: all that would add to it waits.
  CHECK(client.heard().size() == 2);
  CHECK(client.ask("ACK 1 1") == Lines{"MSG 1 a/default 3 client.2\n" + body});
  CHECK(client.ask("ACK 1 3") == Lines{"MSG 2 b/default 1 client.2\nx"});
}

}  // namespace
}  // namespace backstage::gateway::test
