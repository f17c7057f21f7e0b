// REQ sockets: exactly one answer for every message, whatever it is.
#include "tests/support/catch.hpp"
#include "tests/support/gateway_fixture.hpp"

namespace backstage::gateway::test {
namespace {

using Lines = std::vector<std::string>;

void add_echo(GatewayWorld& world) {
  (void)world.stage.type("echo", [](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.kind == Kind::request) {
      (void)context.reply(envelope.request_ref(), {{}, envelope.payload});
    }
    return Handled::done;
  });
  (void)world.stage.spawn("echo", "echo");
}

TEST_CASE("a REQ socket gets exactly one answer to each verb and to garbage", "[gateway]") {
  GatewayWorld world;
  add_echo(world);
  auto client = world.req();
  const std::vector<std::pair<std::string, std::string>> rows{
      {"REQ echo\nhi", "REP 0\nhi"},
      {"REQ echo id=5\nhi", "REP 5\nhi"},
      {"SEND echo\n5", "OK 0"},
      {"SEND nosuch\n5", "ERR 0 404 no_actor"},
      {"PUB a/b retain=1\nx", "OK 0 n=0 full=0"},
      {"GET a/b", "VAL 0 a/b 1 client.1\nx"},
      {"GET a/c", "ERR 0 404 no_value"},
      {"PING t", "PONG epoch=e10e9ffb subs=0 t"},
      {"SYNC t", "OK 0"},
      {"SUB a", "ERR 0 405 needs_dealer"},
      {"UNSUB a", "ERR 0 405 needs_dealer"},
      {"REP 1", "ERR 0 405 needs_dealer"},
      {"ERR 1 404 no_value", "ERR 0 405 needs_dealer"},
      {"BYE", "BYE 200 ok"},
  };
  for (const auto& [line, answer] : rows) {
    INFO(line);
    CHECK(client.ask(line) == Lines{answer});
  }
  for (const auto* line : {"", "garbage", "SEND", "BATCH 1", "ACK 1 1", "WATCH x", "HELLO v=1",
                           "HELLO v=9", "\n\n\n", "REQ nosuch"}) {
    INFO(line);
    CHECK(client.ask(line).size() == 1);
  }
  // More than the ten a second of others.
  for (int i = 0; i < 50; ++i) CHECK(client.ask("nonsense").size() == 1);
}

TEST_CASE("ten thousand rounds of a REQ socket", "[gateway]") {
  GatewayWorld world;
  add_echo(world);
  auto client = world.req();
  bool all_good = true;
  for (int i = 0; i < 10'000; ++i)
    all_good = all_good && client.ask("REQ echo\nx") == Lines{"REP 0\nx"};
  CHECK(all_good);
}

TEST_CASE("a REQ socket that asks anew gets the new answer only", "[gateway]") {
  GatewayWorld world;
  RequestRef open;
  (void)world.stage.type("slow", [&open](Context&, const Envelope& envelope) -> Outcome {
    open = envelope.request_ref();
    return Handled::done;
  });
  (void)world.stage.spawn("slow", "slow");
  add_echo(world);
  auto client = world.req();
  CHECK(client.ask("REQ slow ttl=100\nfirst").empty());
  CHECK(client.ask("REQ echo\nsecond") == Lines{"REP 0\nsecond"});
  world.advance(std::chrono::milliseconds(100));
  CHECK(client.heard().empty());
  CHECK(world.counters.late_replies.get() == 1);
}

TEST_CASE("a REQ socket takes no mail of others", "[gateway]") {
  GatewayWorld world;
  auto client = world.req();
  auto other = world.dealer();
  CHECK(client.ask("PUB a/b\nx").size() == 1);
  CHECK(other.ask("SEND client.1 id=1\nhi") == Lines{"ERR 1 429 mailbox_full retry=50"});
  CHECK(client.heard().empty());
}

TEST_CASE("a REQ socket that waits when the daemon stops is answered once", "[gateway]") {
  GatewayWorld world;
  (void)world.stage.type("mute");
  (void)world.stage.spawn("mute", "mute");
  auto client = world.req();
  CHECK(client.ask("REQ mute id=3\nx").empty());
  world.front.begin_draining(std::chrono::milliseconds(100));
  world.front.begin_stop();
  world.settle();
  CHECK(client.heard() == Lines{"ERR 3 500 actor_failed"});
}

TEST_CASE("found in review: a DEALER that waits when the daemon stops is answered before BYE",
          "[gateway][found]") {
  GatewayWorld world;
  (void)world.stage.type("mute");
  (void)world.stage.spawn("mute", "mute");
  auto desk = world.dealer();
  auto asker = world.dealer();
  desk.say("HELLO v=1 name=desk");
  CHECK(asker.ask("REQ desk id=3\nx").empty());
  CHECK(asker.ask("REQ mute id=4\nx").empty());
  (void)desk.heard();
  world.front.begin_stop();
  world.settle();
  auto heard = asker.heard();
  std::ranges::sort(heard);
  CHECK(heard == Lines{"BYE 503 stopping", "ERR 3 500 actor_failed", "ERR 4 500 actor_failed"});
  CHECK(desk.heard() == Lines{"BYE 503 stopping"});
}

TEST_CASE("who waits for more than an outbox holds when the daemon stops hears of each",
          "[gateway][found]") {
  auto options = GatewayWorld::default_options();
  options.limits.outbox_entries_max = 8;
  GatewayWorld world(options);
  auto desk = world.dealer();
  auto asker = world.dealer();
  desk.say("HELLO v=1 name=desk");
  for (int id = 1; id <= 40; ++id) asker.say("REQ desk id=" + std::to_string(id));
  asker.take_only(0);
  world.front.begin_stop();
  world.settle();
  asker.take_all();
  const auto heard = asker.heard();
  CHECK(std::ranges::count(heard, " 500 actor_failed", [](const std::string& line) {
          return line.substr(std::min(line.find(" 500 "), line.size()));
        }) == 40);
  CHECK(heard.back() == "BYE 503 stopping");
}

}  // namespace
}  // namespace backstage::gateway::test
