// A resume: what it keeps, tells and refuses.
#include "tests/daemon/gateway_resume.hpp"

namespace backstage::gateway::test {
namespace {

TEST_CASE("a session with ttl= keeps name, subscriptions and mail until it is resumed",
          "[gateway]") {
  GatewayWorld world;
  auto first = world.dealer();
  auto feed = world.dealer();
  const auto token = open(first, "name=desk ttl=30");
  first.say("SUB a id=1");
  (void)first.heard();
  first.leave();
  CHECK(world.events.has("detached desk"));
  CHECK(world.counters.sessions_detached.get() == 1);
  CHECK(feed.ask("HELLO v=1 name=desk id=1") == Lines{"ERR 1 409 name_in_use"});
  publish(feed, "a", 2);
  CHECK(feed.ask("SEND desk id=2\nmail") == Lines{"OK 2"});
  auto second = world.dealer();
  const auto heard = resume(second, token);
  REQUIRE(heard.size() == 4);
  CHECK(heard[0].starts_with("WELCOME v=1 name=desk session=" + token + " "));
  CHECK(word(heard[0], "last_id=") == "1");
  CHECK(heard[1] == "MSG 1 a/default 1 client.2\nx");
  CHECK(heard[2] == "MSG 1 a/default 2 client.2\nx");
  CHECK(heard[3] == "MSG 0 desk 0 client.2\nmail");
  CHECK(world.events.has("resumed desk"));
  CHECK(world.counters.sessions_detached.get() == 0);
  CHECK(world.counters.resumed.get() == 1);
  CHECK(second.ask("PING") == Lines{"PONG epoch=e10e9ffb subs=1"});
}

TEST_CASE("a resume tells one GAP for each address whose messages may be lost", "[gateway]") {
  GatewayWorld world;
  auto first = world.dealer();
  auto feed = world.dealer();
  const auto token = open(first, "ttl=30");
  first.say("SUB a/> id=1");
  first.say("SUB b id=2");
  publish(feed, "a/y", 1);
  publish(feed, "a/x", 3);
  (void)first.heard();
  first.leave();
  publish(feed, "a/x", 1);
  auto second = world.dealer();
  auto heard = resume(second, token);
  heard.erase(heard.begin());
  CHECK(heard == Lines{"GAP 1 a/x 0 3 resume", "GAP 1 a/y 0 1 resume", "MSG 1 a/x 4 client.2\nx"});
  // Whatever of this one arrived, nobody knows either.
  second.leave();
  auto third = world.dealer();
  heard = resume(third, token);
  heard.erase(heard.begin());
  CHECK(heard == Lines{"GAP 1 a/x 0 4 resume", "GAP 1 a/y 0 1 resume"});
}

TEST_CASE("what was not acknowledged comes again, marked, in the order it came first",
          "[gateway]") {
  GatewayWorld world;
  auto first = world.dealer();
  auto feed = world.dealer();
  const auto token = open(first, "ttl=30");
  first.say("SUB a id=1 ack=1");
  first.say("SUB b id=2 ack=1 window=2");
  feed.say("PUB a type=t\n1");
  feed.say("PUB b\n1");
  feed.say("PUB a\n2");
  feed.say("PUB b\n2");
  feed.say("PUB b\n3");
  first.say("ACK 1 1");
  CHECK(first.heard().size() == 6);
  first.leave();
  feed.say("PUB a\n3");
  auto second = world.dealer();
  auto heard = resume(second, token);
  heard.erase(heard.begin());
  CHECK(heard == Lines{"MSG 2 b/default 1 client.2 redelivered=1\n1",
                       "MSG 1 a/default 2 client.2 redelivered=1\n2",
                       "MSG 2 b/default 2 client.2 redelivered=1\n2",
                       "MSG 1 a/default 3 client.2\n3"});
  // Its window is as full as before.
  CHECK(second.ask("ACK 2 1") == Lines{"MSG 2 b/default 3 client.2\n3"});
  CHECK(world.counters.redelivered.get() == 3);
}

TEST_CASE("a GAP that nobody acknowledged is told again with ack=1", "[gateway]") {
  auto options = GatewayWorld::default_options();
  options.limits.session_messages_max = 2;
  GatewayWorld world(options);
  auto first = world.dealer();
  auto feed = world.dealer();
  const auto token = open(first, "ttl=30");
  first.say("SUB a id=1 ack=1 window=1 over=oldest");
  (void)first.heard();
  publish(feed, "a", 5);
  CHECK(first.ask("ACK 1 1") == Lines{"MSG 1 a/default 1 client.2\nx", "GAP 1 a/default 2 3 slow",
                                      "MSG 1 a/default 4 client.2\nx"});
  first.leave();
  auto second = world.dealer();
  auto heard = resume(second, token);
  heard.erase(heard.begin());
  CHECK(heard ==
        Lines{"GAP 1 a/default 2 3 resume", "MSG 1 a/default 4 client.2 redelivered=1\nx"});
  CHECK(second.ask("ACK 1 4") == Lines{"MSG 1 a/default 5 client.2\nx"});
}

TEST_CASE(
    "a wrong token, another principal and a session that is not kept are 410 and change "
    "nothing",
    "[gateway]") {
  GatewayWorld world;
  auto owner = world.dealer_of("unix:0");
  auto feed = world.dealer();
  const auto token = open(owner, "name=desk ttl=30");
  owner.say("SUB a id=1");
  (void)owner.heard();
  auto thief = world.dealer_of("tcp:local");
  CHECK(resume(thief, token) == Lines{"ERR 1 410 no_session"});
  CHECK(resume(thief, std::string(32, '0')) == Lines{"ERR 1 410 no_session"});
  publish(feed, "a", 1);
  CHECK(owner.heard() == Lines{"MSG 1 a/default 1 client.2\nx"});
  owner.leave();
  CHECK(resume(thief, token) == Lines{"ERR 1 410 no_session"});
  auto again = world.dealer_of("unix:0");
  CHECK(resume(again, token).size() == 2);

  auto brief = world.dealer();
  const auto other = open(brief, "name=brief");
  auto late = world.dealer();
  CHECK(resume(late, other) == Lines{"ERR 1 410 no_session"});
  CHECK(brief.ask("PING") == Lines{"PONG epoch=e10e9ffb subs=0"});
  brief.leave();
  CHECK(world.events.has("ended brief disconnected"));
}

TEST_CASE("a connection that is taken over is told so and must say HELLO again", "[gateway]") {
  GatewayWorld world;
  auto first = world.dealer();
  auto feed = world.dealer();
  const auto token = open(first, "name=desk ttl=30");
  first.say("SUB a id=1");
  (void)first.heard();
  auto second = world.dealer();
  CHECK(resume(second, token).size() == 1);
  CHECK(first.heard() == Lines{"BYE 409 superseded"});
  CHECK(first.ask("SEND desk id=2") == Lines{"ERR 2 440 hello_required"});
  publish(feed, "a", 1);
  CHECK(second.heard() == Lines{"MSG 1 a/default 1 client.2\nx"});
  CHECK(first.heard().empty());
  first.leave();
  CHECK(second.ask("PING") == Lines{"PONG epoch=e10e9ffb subs=1"});
  CHECK(first.heard().empty());
}

TEST_CASE("answers that waited and replies that came meanwhile are told after a resume",
          "[gateway]") {
  GatewayWorld world;
  RequestRef asked;
  (void)world.stage.type("slow", [&asked](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.kind == Kind::request) asked = envelope.request_ref();
    if (envelope.kind == Kind::send) (void)context.reply(asked, {{}, Payload("late")});
    return Handled::done;
  });
  (void)world.stage.spawn("slow", "slow");
  auto first = world.dealer();
  auto other = world.dealer();
  const auto token = open(first, "ttl=30");
  first.say("REQ slow id=7 ttl=60000\nx");
  first.take_only(0);
  first.say("GET a/b id=8");
  first.say("PING");
  first.leave();
  other.say("SEND slow\ngo");
  auto second = world.dealer();
  auto heard = resume(second, token);
  REQUIRE(heard.size() == 3);
  CHECK(word(heard[0], "last_id=") == "8");
  CHECK(heard[1] == "ERR 8 404 no_value");
  CHECK(heard[2] == "REP 7\nlate");
}

TEST_CASE("ids that were answered are not done again after a resume", "[gateway]") {
  GatewayWorld world;
  const auto sink = world.stage.type("sink");
  (void)world.stage.spawn("sink", "sink");
  auto first = world.dealer();
  const auto token = open(first, "ttl=30");
  CHECK(first.ask("SEND sink id=1\nx") == Lines{"OK 1"});
  CHECK(first.ask("SEND sink id=2\nx") == Lines{"OK 2"});
  first.leave();
  auto second = world.dealer();
  CHECK(word(resume(second, token).at(0), "last_id=") == "2");
  CHECK(second.ask("SEND sink id=2\nx") == Lines{"OK 2 dup=1"});
  CHECK(second.ask("SEND sink id=3\nx") == Lines{"OK 3"});
  CHECK(sink->got.size() == 3);
}

TEST_CASE("a waiting session's mail is bounded, and what it loses is told where it was",
          "[gateway]") {
  auto options = GatewayWorld::default_options();
  options.limits.session_messages_max = 3;
  GatewayWorld world(options);
  auto first = world.dealer();
  auto feed = world.dealer();
  const auto token = open(first, "ttl=30");
  first.say("SUB a id=1");
  (void)first.heard();
  first.leave();
  publish(feed, "a", 8);
  auto second = world.dealer();
  auto heard = resume(second, token);
  heard.erase(heard.begin());
  // The first is in the client's hand already when the mailbox fills.
  CHECK(heard == Lines{"MSG 1 a/default 1 client.2\nx", "GAP 1 a/default 2 5 slow",
                       "MSG 1 a/default 6 client.2\nx", "MSG 1 a/default 7 client.2\nx",
                       "MSG 1 a/default 8 client.2\nx"});
  CHECK(world.stage.ledger().is_balanced());
}

TEST_CASE("a replay goes as fast as the client takes it, and survives another loss", "[gateway]") {
  GatewayWorld world;
  auto first = world.dealer();
  auto feed = world.dealer();
  const auto token = open(first, "ttl=30");
  first.say("SUB a id=1 ack=1");
  (void)first.heard();
  publish(feed, "a", 4);
  (void)first.heard();
  first.leave();
  publish(feed, "a", 2);
  auto second = world.dealer();
  second.take_only(3);
  const auto heard = resume(second, token);
  REQUIRE(heard.size() == 3);
  CHECK(heard[2] == "MSG 1 a/default 2 client.2 redelivered=1\nx");
  CHECK(second.ask("ACK 1 3").empty());
  second.take_only(1);
  CHECK(second.heard() == Lines{"MSG 1 a/default 4 client.2 redelivered=1\nx"});
  second.leave();
  auto third = world.dealer();
  auto rest = resume(third, token);
  rest.erase(rest.begin());
  CHECK(rest == Lines{"MSG 1 a/default 4 client.2 redelivered=1\nx",
                      "MSG 1 a/default 5 client.2\nx", "MSG 1 a/default 6 client.2\nx"});
}

TEST_CASE("what was said before the resume on a new connection is no obstacle", "[gateway]") {
  GatewayWorld world;
  auto first = world.dealer();
  const auto token = open(first, "name=desk ttl=30");
  first.leave();
  auto second = world.dealer();
  // As a client does that has not noticed the loss yet.
  CHECK(second.ask("PUB b id=5\nx") == Lines{"OK 5 n=0 full=0"});
  CHECK(resume(second, token).at(0).starts_with("WELCOME v=1 name=desk "));
  CHECK(world.events.has("ended client.2 disconnected"));
  CHECK(second.ask("SEND desk id=6\nme") == Lines{"OK 6", "MSG 0 desk 0 desk\nme"});
  auto third = world.dealer();
  (void)open(third, "name=other");
  CHECK(resume(third, token).at(0).starts_with("ERR 1 400 bad_arg\n"));
  auto fourth = world.dealer();
  CHECK(resume(fourth, token, "name=wrong").at(0).starts_with("ERR 1 400 bad_arg\n"));
  CHECK(second.ask("PING").size() == 1);
}

}  // namespace
}  // namespace backstage::gateway::test
