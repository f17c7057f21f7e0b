// Sessions that wait for a connection: how long, how many, and how a lost one is noticed.
#include "tests/daemon/gateway_resume.hpp"

namespace backstage::gateway::test {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a session that nobody comes for ends when its time is over", "[gateway]") {
  GatewayWorld world;
  auto first = world.dealer();
  const auto token = open(first, "name=desk ttl=2");
  first.leave();
  world.advance(1999ms);
  CHECK_FALSE(world.events.has("ended desk disconnected"));
  world.advance(1ms);
  CHECK(world.events.has("ended desk disconnected"));
  CHECK(world.counters.resume_expired.get() == 1);
  auto second = world.dealer();
  CHECK(resume(second, token) == Lines{"ERR 1 410 no_session"});
  CHECK(second.ask("HELLO v=1 name=desk").at(0).starts_with("WELCOME v=1 name=desk"));
}

// libzmq tells of a closed connection before all of what came by it is read: the rest was executed
// in a session of its own, and again when the client had resumed and repeated it.
TEST_CASE("what comes late from a lost connection is not done beside the session it left",
          "[gateway]") {
  GatewayWorld world;
  auto first = world.dealer();
  auto plain = world.dealer();
  (void)open(first, "name=desk ttl=30");
  CHECK(plain.ask("PING").size() == 1);
  first.leave();
  plain.leave();
  const auto before = world.counters.sessions_opened.get();
  first.say("SEND desk id=1");
  CHECK(world.counters.sessions_opened.get() == before);
  CHECK(world.counters.ignored.get() == 1);
  plain.say("SEND desk id=1");
  CHECK(world.counters.sessions_opened.get() == before + 1);
}

TEST_CASE("no session waits longer than the limit, whatever it asks for", "[gateway]") {
  auto options = GatewayWorld::default_options();
  options.limits.resume_ttl_max = 3s;
  GatewayWorld world(options);
  auto client = world.dealer();
  (void)open(client, "name=desk ttl=86400");
  client.leave();
  world.advance(3s);
  CHECK(world.events.has("ended desk disconnected"));
}

TEST_CASE("waiting sessions count against the limit of sessions", "[gateway]") {
  auto options = GatewayWorld::default_options();
  options.limits.sessions_max = 2;
  GatewayWorld world(options);
  auto first = world.dealer();
  auto second = world.dealer();
  auto third = world.dealer();
  const auto token = open(first, "ttl=30");
  (void)open(second, "ttl=30");
  first.leave();
  CHECK(third.ask("SUB a id=1") == Lines{"ERR 1 503 sessions_full retry=1000"});
  CHECK(resume(third, token).size() == 1);
  CHECK(third.ask("SUB a id=2") == Lines{"OK 2 sub=1 seq=0"});
}

TEST_CASE("draining ends waiting sessions at once, and none waits from then on", "[gateway]") {
  GatewayWorld world;
  auto first = world.dealer();
  auto second = world.dealer();
  const auto token = open(first, "name=one ttl=30");
  (void)open(second, "name=two ttl=30");
  first.leave();
  world.front.begin_draining(10s);
  world.settle();
  CHECK(world.events.has("ended one shutdown"));
  second.leave();
  CHECK(world.events.has("ended two disconnected"));
  auto third = world.dealer();
  CHECK(resume(third, token) == Lines{"ERR 1 410 no_session"});
  world.front.begin_stop();
  world.settle();
  CHECK(world.front.is_stopped());
  CHECK(world.stage.engine.stats().actors == 0);
}

TEST_CASE("BYE ends a session for good, whatever its ttl", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  const auto token = open(client, "name=desk ttl=30");
  CHECK(client.ask("BYE") == Lines{"BYE 200 ok"});
  CHECK(world.events.has("ended desk disconnected"));
  CHECK(resume(client, token) == Lines{"ERR 1 410 no_session"});
}

TEST_CASE("ttl= after the first SUB is refused, for nobody kept books", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  (void)open(client, "name=desk");
  client.say("SUB a id=1");
  (void)client.heard();
  CHECK(client.ask("HELLO v=1 id=2 ttl=30").at(0).starts_with("ERR 2 400 bad_arg\nttl= comes "));
  CHECK(client.ask("HELLO v=1 id=3").at(0).starts_with("WELCOME "));
}

TEST_CASE("a REQ socket has no use for resume, ttl and hb", "[gateway]") {
  GatewayWorld world;
  for (const auto* key : {"resume=aa", "ttl=30", "hb=500"}) {
    auto client = world.req();
    CHECK(client.ask(std::string("HELLO v=1 id=1 ") + key) == Lines{"ERR 1 405 needs_dealer"});
  }
}

TEST_CASE("a session that was sent more addresses than are remembered is not kept", "[gateway]") {
  auto options = GatewayWorld::default_options();
  options.limits.resume_addresses_max = 2;
  GatewayWorld world(options);
  auto client = world.dealer();
  auto feed = world.dealer();
  (void)open(client, "name=desk ttl=30");
  client.say("SUB a/> id=1");
  for (int i = 0; i < 3; ++i) publish(feed, "a/t" + std::to_string(i), 1);
  client.leave();
  CHECK(world.events.has("ended desk disconnected"));
}

TEST_CASE("hb= asks a silent client twice and then gives its connection up", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  const auto token = open(client, "name=desk ttl=30 hb=500");
  world.advance(499ms);
  CHECK(client.heard().empty());
  world.advance(501ms);
  CHECK(client.heard() == Lines{"PING"});
  CHECK(client.ask("PING").size() == 1);
  world.advance(499ms);
  CHECK(client.heard().empty());
  world.advance(1ms);
  CHECK(client.heard() == Lines{"PING"});
  world.advance(500ms);
  CHECK(client.heard() == Lines{"PING"});
  world.advance(500ms);
  CHECK(client.heard() == Lines{"BYE 504 timeout"});
  CHECK(world.counters.silent.get() == 1);
  CHECK(world.events.has("detached desk"));
  // The same connection may come back.
  CHECK(resume(client, token).size() == 1);
  world.advance(10s);
  CHECK(client.heard().empty());
}

TEST_CASE("a silent client without ttl= is over", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  (void)open(client, "name=desk hb=500");
  for (int i = 0; i < 4; ++i) world.advance(500ms);
  CHECK(world.events.has("ended desk disconnected"));
  CHECK(client.ask("SEND desk id=1") ==
        Lines{"PING", "PING", "BYE 504 timeout", "ERR 1 440 hello_required"});
}

}  // namespace
}  // namespace backstage::gateway::test
