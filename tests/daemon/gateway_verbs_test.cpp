// Each verb, good and bad, as a DEALER sees it.
#include <fmt/core.h>

#include <algorithm>

#include "tests/support/catch.hpp"
#include "tests/support/gateway_fixture.hpp"

namespace backstage::gateway::test {
namespace {

using Lines = std::vector<std::string>;

// Adds what it is sent, publishes the sum, replies with it.
auto counting() {
  return [total = 0](Context& context, const Envelope& envelope) mutable -> Outcome {
    total += std::stoi(std::string(envelope.payload.text()));
    const Payload sum(std::to_string(total));
    (void)context.publish("default", {"total", sum}, {.retain = true});
    if (envelope.kind == Kind::request) (void)context.reply(envelope.request_ref(), {"sum", sum});
    return Handled::done;
  };
}

struct World : GatewayWorld {
  using GatewayWorld::GatewayWorld;
  void add_counter() {
    (void)stage.type("counter", counting());
    (void)stage.spawn("counter", "counter");
  }
};

TEST_CASE("both framings of a command do the same", "[gateway]") {
  World world;
  world.add_counter();
  auto client = world.dealer();
  client.say("SEND counter id=1\n5");
  client.say(Frames{"SEND counter id=2", "5"});
  CHECK(client.heard() == Lines{"OK 1", "OK 2"});
  CHECK(client.ask("REQ counter id=3\n0") == Lines{"REP 3 type=sum\n10"});
}

TEST_CASE("a SEND without id is answered only if it fails", "[gateway]") {
  World world;
  world.add_counter();
  auto client = world.dealer();
  CHECK(client.ask("SEND counter\n5").empty());
  CHECK(client.ask("SEND nosuch\n5") == Lines{"ERR 0 404 no_actor"});
}

TEST_CASE("errors without id are told ten times a second at most", "[gateway]") {
  World world;
  auto client = world.dealer();
  for (int i = 0; i < 25; ++i) client.say("SEND nosuch\n5");
  CHECK(client.heard().size() == 10);
  CHECK(world.counters.err0_suppressed.get() == 15);
  world.advance(std::chrono::seconds(1));
  CHECK(client.ask("SEND nosuch\n5").size() == 1);
}

TEST_CASE("a verbose session hears OK 0", "[gateway]") {
  World world;
  world.add_counter();
  auto client = world.dealer();
  client.say("HELLO v=1 verbose=1");
  (void)client.heard();
  CHECK(client.ask("SEND counter\n5") == Lines{"OK 0"});
}

TEST_CASE("a full mailbox refuses with a hint when to try again", "[gateway]") {
  World world;
  ActorType small;
  small.mailbox.data_messages_max = 1;
  (void)world.stage.type("slow", {}, small);
  (void)world.stage.spawn("slow", "slow");
  auto client = world.dealer();
  client.whisper({"SEND slow id=1"});
  client.whisper({"SEND slow id=2"});
  world.settle();
  CHECK(client.heard() == Lines{"OK 1", "ERR 2 429 mailbox_full retry=50"});
}

TEST_CASE("bad lines are refused with number, token and text, and the session goes on",
          "[gateway]") {
  World world;
  world.add_counter();
  auto client = world.dealer();
  const std::vector<std::pair<Frames, std::string>> rows{
      {{""}, "ERR 0 400 bad_frame"},
      {{"SEND counter id=1", "5", "extra"}, "ERR 1 400 bad_frame"},
      {{"SEND counter\nid=1", "5"}, "ERR 0 400 bad_frame"},
      {{"send counter id=2"}, "ERR 2 400 bad_verb"},
      {{"SEND  counter id=3"}, "ERR 3 400 bad_frame"},
      {{"SEND counter/x id=4"}, "ERR 4 400 bad_addr"},
      {{"SEND counter id=5 key!=1"}, "ERR 5 501 unsupported"},
      {{"REQ counter"}, "ERR 0 400 bad_arg"},
      {{"GET counter"}, "ERR 0 400 bad_arg"},
      {{"SUB a/b..c id=6"}, "ERR 6 400 bad_addr"},
      {{"BATCH 1 id=7"}, "ERR 7 400 bad_batch"},
      {{"ACK 1 1 id=8"}, "ERR 8 404 no_sub"},
      {{"HELLO v=1 id=11 resume=aa name=x"}, "ERR 11 410 no_session"},
      {{"HELLO v=7 id=12"}, "ERR 12 505 version supported=1"},
      {{std::string(1025, 'A')}, "ERR 0 400 bad_frame"},
  };
  for (const auto& [frames, expected] : rows) {
    INFO(frames[0]);
    client.say(frames);
    const auto heard = client.heard();
    REQUIRE(heard.size() == 1);
    CHECK(heard[0].substr(0, heard[0].find('\n')) == expected);
    world.advance(std::chrono::seconds(1));
  }
  CHECK(client.ask("SEND counter id=99\n1") == Lines{"OK 99"});
}

TEST_CASE("a payload may have its limit and not one byte more", "[gateway]") {
  auto options = GatewayWorld::default_options();
  options.limits.payload_bytes_max = 100;
  World world(options);
  const auto sink = world.stage.type("sink");
  (void)world.stage.spawn("sink", "sink");
  auto client = world.dealer();
  client.say(Frames{"SEND sink id=1", std::string(100, '\0')});
  client.say(Frames{"SEND sink id=2", std::string(101, 'x')});
  client.say(Frames{"SEND sink id=3", ""});
  CHECK(client.heard() == Lines{"OK 1", "ERR 2 413 too_large", "OK 3"});
  REQUIRE(sink->got.size() == 2);
  CHECK(sink->got[0].text == std::string(100, '\0'));
}

TEST_CASE("REQ ends in exactly one REP or ERR", "[gateway]") {
  World world;
  world.add_counter();
  (void)world.stage.type("mute");
  (void)world.stage.spawn("mute", "mute");
  (void)world.stage.type("crash", [](Context&, const Envelope&) -> Outcome {
    return std::unexpected(Failure{"on purpose"});
  });
  (void)world.stage.spawn("crash", "crash");
  (void)world.stage.type("no", [](Context& context, const Envelope& envelope) -> Outcome {
    (void)context.reply_error(envelope.request_ref(), Errc::no_value, "ask me tomorrow");
    return Handled::done;
  });
  (void)world.stage.spawn("no", "no");
  auto client = world.dealer();
  CHECK(client.ask("REQ counter id=1 type=add\n7") == Lines{"REP 1 type=sum\n7"});
  CHECK(client.ask("REQ nosuch id=2") == Lines{"ERR 2 404 no_actor"});
  CHECK(client.ask("REQ no id=3") == Lines{"ERR 3 404 no_value\nask me tomorrow"});
  CHECK(client.ask("REQ crash id=4").at(0).substr(0, 22) == "ERR 4 500 actor_failed");
  CHECK(client.ask("REQ mute id=5 ttl=250").empty());
  world.advance(std::chrono::milliseconds(249));
  CHECK(client.heard().empty());
  world.advance(std::chrono::milliseconds(1));
  CHECK(client.heard() == Lines{"ERR 5 504 timeout"});
}

TEST_CASE("PUB says how many deliveries it was offered to and how many refused it", "[gateway]") {
  World world;
  auto publisher = world.dealer();
  auto subscriber = world.dealer();
  publisher.say("HELLO v=1 name=feed");
  (void)publisher.heard();
  CHECK(publisher.ask("PUB /quote id=1\n1") == Lines{"OK 1 n=0 full=0"});
  CHECK(subscriber.ask("SUB feed/quote id=1") == Lines{"OK 1 sub=1 seq=1"});
  CHECK(publisher.ask("PUB feed/quote id=2 type=t\n2") == Lines{"OK 2 n=1 full=0"});
  CHECK(subscriber.heard() == Lines{"MSG 1 feed/quote 2 feed type=t\n2"});
}

TEST_CASE("nobody publishes under a name that another holds", "[gateway]") {
  World world;
  world.add_counter();
  auto feed = world.dealer();
  auto thief = world.dealer();
  feed.say("HELLO v=1 name=feed");
  CHECK(thief.ask("PUB counter/default id=1\nx") == Lines{"ERR 1 403 forbidden"});
  CHECK(thief.ask("PUB feed/quote id=2\nx") == Lines{"ERR 2 403 forbidden"});
  CHECK(thief.ask("PUB $dead/x id=3\nx") == Lines{"ERR 3 403 reserved_name"});
  CHECK(thief.ask("PUB nobody/x id=4\nx") == Lines{"OK 4 n=0 full=0"});
  feed.leave();
  CHECK(thief.ask("PUB feed/quote id=5\nx") == Lines{"OK 5 n=0 full=0"});
}

TEST_CASE("GET and snap=1 give the retained value", "[gateway]") {
  World world;
  auto client = world.dealer();
  CHECK(client.ask("GET a/b id=1") == Lines{"ERR 1 404 no_value"});
  client.say("PUB a/b id=2 retain=1 type=t\nold");
  client.say("PUB a/b id=3\nplain");
  (void)client.heard();
  CHECK(client.ask("GET a/b id=4") == Lines{"VAL 4 a/b 1 client.1 type=t\nold"});
  CHECK(client.ask("SUB a/b id=5 snap=1") ==
        Lines{"OK 5 sub=1 seq=2", "MSG 1 a/b 1 client.1 type=t snap=1\nold"});
}

TEST_CASE("a pattern's OK has no seq, and overlapping subscriptions bring one MSG each",
          "[gateway]") {
  World world;
  auto client = world.dealer();
  CHECK(client.ask("SUB */md.> id=1") == Lines{"OK 1 sub=1"});
  CHECK(client.ask("SUB feed/md.x id=2") == Lines{"OK 2 sub=2 seq=0"});
  client.say("PUB feed/md.x id=3\np");
  auto heard = client.heard();
  std::sort(heard.begin(), heard.end());
  CHECK(heard ==
        Lines{"MSG 1 feed/md.x 1 client.1\np", "MSG 2 feed/md.x 1 client.1\np", "OK 3 n=2 full=0"});
}

TEST_CASE("a repeated SUB keeps its number", "[gateway]") {
  World world;
  auto client = world.dealer();
  CHECK(client.ask("SUB a id=1") == Lines{"OK 1 sub=1 seq=0"});
  CHECK(client.ask("SUB b id=2") == Lines{"OK 2 sub=2 seq=0"});
  CHECK(client.ask("SUB a/default id=3 over=kick") == Lines{"OK 3 sub=1 seq=0"});
  CHECK(client.ask("PING x") == Lines{"PONG epoch=e10e9ffb subs=2 x"});
}

TEST_CASE("subscriptions of a session are limited", "[gateway]") {
  auto options = GatewayWorld::default_options();
  options.limits.subscriptions_per_session_max = 2;
  World world(options);
  auto client = world.dealer();
  client.say("SUB a id=1");
  client.say("SUB b id=2");
  (void)client.heard();
  CHECK(client.ask("SUB c id=3") == Lines{"ERR 3 429 subs_full retry=1000"});
  CHECK(client.ask("SUB b id=4").at(0).substr(0, 10) == "OK 4 sub=2");
}

TEST_CASE("UNSUB of what was not subscribed is no_sub", "[gateway]") {
  World world;
  auto client = world.dealer();
  CHECK(client.ask("UNSUB a id=1") == Lines{"ERR 1 404 no_sub"});
  client.say("SUB a id=2");
  CHECK(client.ask("UNSUB a id=3").back() == "OK 3");
  CHECK(client.ask("UNSUB a id=4") == Lines{"ERR 4 404 no_sub"});
  client.say("PUB a id=5\nx");
  CHECK(client.heard() == Lines{"OK 5 n=0 full=0"});
}

TEST_CASE("SYNC marks pub once a filter for the mark has arrived, and is always answered",
          "[gateway]") {
  World world;
  auto client = world.dealer();
  CHECK(client.ask("SYNC me id=1") == Lines{"OK 1"});
  CHECK(world.transport.published.empty());
  world.front.on_filter("$sys/sync/me|", true);
  CHECK(client.ask("SYNC me id=2") == Lines{"OK 2"});
  REQUIRE(world.transport.published.size() == 1);
  CHECK(world.transport.published[0] == Frames{"$sys/sync/me|0|e10e9ffb|backstaged", ""});
}

TEST_CASE("clients ask each other, and the late or second answer is told", "[gateway]") {
  World world;
  auto desk = world.dealer();
  auto asker = world.dealer();
  desk.say("HELLO v=1 name=desk");
  (void)desk.heard();
  CHECK(asker.ask("SEND desk id=1\nhello") == Lines{"OK 1"});
  CHECK(desk.heard() == Lines{"MSG 0 desk 0 client.2\nhello"});
  asker.say("REQ desk id=2 type=price\nEUR");
  CHECK(desk.heard() == Lines{"MSG 0 desk 0 client.2 type=price rid=1\nEUR"});
  CHECK(desk.ask("REP 1 type=price\n1.08").empty());
  CHECK(asker.heard() == Lines{"REP 2 type=price\n1.08"});
  CHECK(desk.ask("REP 1\nagain") == Lines{"ERR 0 404 no_request"});
  asker.say("REQ desk id=3 ttl=10\nx");
  (void)desk.heard();
  world.advance(std::chrono::milliseconds(10));
  CHECK(asker.heard() == Lines{"ERR 3 504 timeout"});
  CHECK(desk.ask("REP 2\nlate") == Lines{"ERR 0 404 no_request"});
}

TEST_CASE("a client's own errors reach who asked", "[gateway]") {
  World world;
  auto desk = world.dealer();
  auto asker = world.dealer();
  desk.say("HELLO v=1 name=desk");
  asker.say("REQ desk id=1\nx");
  desk.say("ERR 1 404 no_value\nnot today");
  CHECK(asker.heard() == Lines{"ERR 1 404 no_value\nnot today"});
  asker.say("REQ desk id=2\nx");
  desk.say("ERR 2 418 teapot\nshort and stout");
  CHECK(asker.heard() == Lines{"ERR 2 500 actor_failed\n418 teapot short and stout"});
}

TEST_CASE("what is asked of a client that leaves ends as actor_failed", "[gateway]") {
  World world;
  auto desk = world.dealer();
  auto asker = world.dealer();
  desk.say("HELLO v=1 name=desk");
  asker.say("REQ desk id=1\nx");
  desk.leave();
  CHECK(asker.heard() == Lines{"ERR 1 500 actor_failed"});
  CHECK(asker.ask("SEND desk id=2\nx") == Lines{"ERR 2 404 no_actor"});
}

TEST_CASE("messages come before the reply of who published them", "[gateway]") {
  World world;
  world.add_counter();
  auto client = world.dealer();
  client.say("SUB counter id=1");
  (void)client.heard();
  for (int i = 1; i <= 100; ++i) {
    CHECK(client.ask(fmt::format("REQ counter id={}\n1", i + 1)) ==
          Lines{fmt::format("MSG 1 counter/default {0} counter type=total\n{0}", i),
                fmt::format("REP {} type=sum\n{}", i + 1, i)});
  }
}

}  // namespace
}  // namespace backstage::gateway::test
