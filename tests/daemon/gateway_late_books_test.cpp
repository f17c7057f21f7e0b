// Books that are asked for late: what was sent before nobody has kept, and a resume says so.
#include "tests/daemon/gateway_resume.hpp"

namespace backstage::gateway::test {
namespace {

// Where several of its tests begin: one message of feed is out, and nobody has acknowledged it.
struct Unacknowledged {
  explicit Unacknowledged(const std::string& hello, const std::string& sub)
      : token(open(client, hello)) {
    client.say(sub);
    publish(feed, "a", 1);
    (void)client.heard();
  }
  Lines resumed() {
    client.leave();
    publish(feed, "a", 1);
    auto next = world.dealer();
    auto heard = resume(next, token);
    heard.erase(heard.begin());
    return heard;
  }
  GatewayWorld world;
  FakeClient client = world.dealer();
  FakeClient feed = world.dealer();
  std::string token;
};

TEST_CASE("found in review: ack=1 that comes after messages of a window ends nobody",
          "[gateway][found]") {
  Unacknowledged scene("ttl=30", "SUB a id=1 window=8");
  CHECK(scene.client.ask("SUB a id=3 window=8 ack=1") == Lines{"OK 3 sub=1 seq=1"});
  CHECK(scene.resumed() == Lines{"GAP 1 a/default 0 1 resume", "MSG 1 a/default 2 client.2\nx"});
}

TEST_CASE("found in review: ack=1 that comes after plain messages loses none without a word",
          "[gateway][found]") {
  Unacknowledged scene("ttl=30", "SUB a id=1");
  CHECK(scene.client.ask("SUB a id=3 ack=1") == Lines{"OK 3 sub=1 seq=1"});
  publish(scene.feed, "a", 1);
  CHECK(scene.client.heard() == Lines{"MSG 1 a/default 2 client.2\nx"});
  CHECK(scene.resumed() == Lines{"GAP 1 a/default 0 1 resume",
                                 "MSG 1 a/default 2 client.2 redelivered=1\nx",
                                 "MSG 1 a/default 3 client.2\nx"});
}

TEST_CASE("a window that was full before ack=1 is open after a resume", "[gateway][found]") {
  Unacknowledged scene("ttl=30", "SUB a id=1 window=1");
  (void)scene.client.ask("SUB a id=3 window=1 ack=1");
  CHECK(scene.resumed() == Lines{"GAP 1 a/default 0 1 resume", "MSG 1 a/default 2 client.2\nx"});
}

TEST_CASE("found in review: ttl= comes too late with the session's own token as well",
          "[gateway][found]") {
  for (const std::string sub : {"SUB a id=1", "SUB a id=1 ack=1"}) {
    CAPTURE(sub);
    Unacknowledged scene("name=x", sub);
    const auto told = scene.client.ask("HELLO v=1 resume=" + scene.token + " ttl=30 id=9");
    REQUIRE(told.size() == 1);
    CHECK(told[0].starts_with("ERR 9 400 bad_arg\nttl= comes too late"));
  }
}

TEST_CASE("found in review: a repeated id that is written id!= is not executed again",
          "[gateway][found]") {
  GatewayWorld world;
  const auto sink = world.stage.type("sink");
  (void)world.stage.spawn("sink", "sink");
  auto client = world.dealer();
  (void)open(client, "name=x");
  CHECK(client.ask("SEND sink id!=5\nx") == Lines{"OK 5"});
  for (int i = 0; i < 4; ++i) CHECK(client.ask("SEND sink id!=5\nx") == Lines{"OK 5 dup=1"});
  CHECK(client.ask("SEND sink id!=6\nx") == Lines{"OK 6"});
  CHECK(client.ask("SEND sink id=7\nx") == Lines{"OK 7"});
  CHECK(client.ask("SEND sink id=8\nx") == Lines{"OK 8"});
}

TEST_CASE("found in review: what follows a resume is heard though earlier answers still wait",
          "[gateway][found]") {
  GatewayWorld world;
  auto first = world.dealer();
  const auto token = open(first, "ttl=30");
  first.leave();
  auto second = world.dealer();
  second.take_only(0);
  second.say("GET a/b id=1");
  second.say("HELLO v=1 id=2 ttl=30 resume=" + token);
  second.say("PING");
  second.say("GET a/b id=3");
  second.take_all();
  const auto heard = second.heard();
  REQUIRE(heard.size() == 4);
  CHECK(heard[0] == "ERR 1 404 no_value");
  CHECK(heard[1].starts_with("WELCOME "));
  CHECK(heard[3] == "ERR 3 404 no_value");
}

TEST_CASE("found in review: a refusal for the rate waits with the other answers",
          "[gateway][found]") {
  auto options = GatewayWorld::default_options();
  options.limits.messages_per_second_max = 4;
  GatewayWorld world(options);
  auto client = world.dealer_of("tcp:remote");
  (void)client.ask("HELLO v=1 id=1 name=desk");
  client.take_only(0);
  for (int id = 2; id < 22; ++id) client.say("SEND nobody id=" + std::to_string(id));
  client.take_all();
  const auto heard = client.heard();
  REQUIRE(heard.size() == 20);
  for (std::size_t i = 0; i < heard.size(); ++i) {
    CHECK(heard[i].starts_with("ERR " + std::to_string(i + 2) + ' '));
  }
  CHECK(heard.back().starts_with("ERR 21 429 rate retry="));
}

TEST_CASE("found in review: every filter that is taken back is counted as gone",
          "[gateway][found]") {
  GatewayWorld world;
  const std::vector<std::string> filters{"counter/default|", "counter/x", "counter/y",
                                         "$sys/sync/me|"};
  for (const auto& filter : filters) world.front.on_filter(filter, true);
  CHECK(world.counters.filters.get() == filters.size());
  for (const auto& filter : filters) world.front.on_filter(filter, false);
  CHECK(world.counters.filters.get() == 0);
}

}  // namespace
}  // namespace backstage::gateway::test
