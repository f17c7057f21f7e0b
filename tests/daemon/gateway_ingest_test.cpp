// ingest: one-way SEND and PUB, who they come from, and back-pressure instead of loss.
#include "tests/support/catch.hpp"
#include "tests/support/gateway_fixture.hpp"

namespace backstage::gateway::test {
namespace {

using namespace std::chrono_literals;

TEST_CASE("ingest sends and publishes, and says from whom", "[gateway]") {
  GatewayWorld world;
  const auto sink = world.stage.type("sink");
  (void)world.stage.spawn("sink", "sink");
  auto client = world.dealer();
  client.say("SUB */> id=1");
  (void)client.heard();
  world.ingest("SEND sink\n1");
  world.ingest("SEND sink from=meter-7 type=t id=5\n2");
  world.ingest("PUB meter-7/level type=reading\n41");
  world.ingest("PUB /level from=meter-7 retain=1\n42");
  world.ingest("PUB meter-7/level from=meter-7\n43");
  REQUIRE(sink->got.size() == 2);
  CHECK(sink->got[0].from == "$ingest");
  CHECK(sink->got[1].from == "meter-7");
  CHECK(sink->got[1].type == "t");
  CHECK(client.heard() == std::vector<std::string>{"MSG 1 meter-7/level 1 meter-7 type=reading\n41",
                                                   "MSG 1 meter-7/level 2 meter-7\n42",
                                                   "MSG 1 meter-7/level 3 meter-7\n43"});
  CHECK(client.ask("GET meter-7/level id=2").at(0) == "VAL 2 meter-7/level 2 meter-7\n42");
  CHECK(world.counters.ingest_refused.get() == 0);
}

TEST_CASE("what ingest refuses is counted and told to the daemon, never answered", "[gateway]") {
  GatewayWorld world;
  (void)world.stage.type("sink");
  (void)world.stage.spawn("sink", "sink");
  auto desk = world.dealer();
  desk.say("HELLO v=1 name=desk");
  const std::vector<std::pair<std::string, std::string>> rows{
      {"PUB sink/x\n1", "forbidden"},
      {"SEND sink from=sink\n1", "forbidden"},
      {"PUB desk/x\n1", "forbidden"},
      {"PUB /x\n1", "bad_arg"},
      {"PUB a/x from=b\n1", "bad_arg"},
      {"PUB $sys/tick\n1", "reserved_name"},
      {"SEND nosuch\n1", "no_actor"},
      {"REQ sink id=1\n1", "not_here"},
      {"HELLO v=1", "not_here"},
      {"nonsense", "bad_verb"},
      {"", "bad_frame"},
      {"SEND sink\n" + std::string(payload_bytes_max + 1, 'x'), "too_large"},
  };
  std::uint64_t refused = 0;
  for (const auto& [line, token] : rows) {
    INFO(line.substr(0, 40));
    world.ingest(line);
    CHECK(world.counters.ingest_refused.get() == ++refused);
    REQUIRE_FALSE(world.events.lines.empty());
    CHECK(world.events.lines.back().starts_with("ingest_refused " + token));
  }
  CHECK_FALSE(world.transport.is_paused);
}

TEST_CASE("a full target stalls ingest and nothing is lost", "[gateway]") {
  GatewayWorld world;
  ActorType small;
  small.mailbox.data_messages_max = 1;
  const auto sink = world.stage.type("sink", {}, small);
  (void)world.stage.spawn("sink", "sink");
  const auto push = [&world](const std::string& line) {
    FakeMessage message({line});
    world.front.on_ingest(message);
  };
  push("SEND sink\n1");
  push("SEND sink from=a type=t\n2");
  CHECK(world.transport.is_paused);
  CHECK(world.events.has("stalled sink"));
  // Still full at the first tries, which come ever more rarely.
  std::vector<Duration> waits;
  for (int i = 0; i < 7; ++i) {
    const auto due = world.front.due();
    waits.push_back(due - world.stage.clock.now());
    world.stage.clock.set(due);
    world.front.on_time(due);
  }
  CHECK(waits == std::vector<Duration>{1ms, 2ms, 4ms, 8ms, 16ms, 20ms, 20ms});
  CHECK(world.transport.is_paused);
  world.settle();
  world.advance(20ms);
  CHECK_FALSE(world.transport.is_paused);
  REQUIRE(sink->got.size() == 2);
  CHECK(sink->got[1].text == "2");
  CHECK(sink->got[1].from == "a");
  CHECK(sink->got[1].type == "t");
  CHECK(world.counters.ingest_stalls.get() == 1);
}

TEST_CASE("a slow subscriber does not stall ingest", "[gateway]") {
  auto options = GatewayWorld::default_options();
  options.limits.session_messages_max = 2;
  GatewayWorld world(options);
  auto slow = world.dealer();
  slow.say("SUB */> id=1");
  slow.take_only(0);
  for (int i = 0; i < 20; ++i) world.ingest("PUB a/x\n1");
  CHECK_FALSE(world.transport.is_paused);
  CHECK(world.counters.ingest_refused.get() == 0);
}

TEST_CASE("a target that ends while ingest waits for it is told, and ingest goes on", "[gateway]") {
  GatewayWorld world;
  ActorType small;
  small.mailbox.data_messages_max = 1;
  small.supervision.backoff_min = small.supervision.backoff_max = 1h;
  const auto fail = [](Context&, const Envelope&) -> Outcome {
    return std::unexpected(Failure{"the first message"});
  };
  (void)world.stage.type("sink", fail, small);
  const auto id = world.stage.spawn("sink", "sink");
  // The first makes it wait to be made anew, the second fills its mailbox.
  for (const auto* line : {"SEND sink\n1", "SEND sink\n2"}) world.ingest(line);
  CHECK_FALSE(world.transport.is_paused);
  world.ingest("SEND sink\n3");
  CHECK(world.transport.is_paused);
  REQUIRE(world.stage.engine.stop(id, StopVerb::stop));
  world.settle();
  world.advance(20ms);
  CHECK_FALSE(world.transport.is_paused);
  CHECK(world.events.has("ingest_refused no_actor sink"));
}

}  // namespace
}  // namespace backstage::gateway::test
