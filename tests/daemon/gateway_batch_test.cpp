// BATCH from clients, on cmd and on ingest: all checked first, then each entry as if sent alone.
#include "daemon/wire/batch.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/gateway_fixture.hpp"

namespace backstage::gateway::test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using Lines = std::vector<std::string>;

std::string packed(const Lines& messages) {
  std::string out;
  for (const auto& message : messages) wire::append_batch_entry(out, message, nullptr);
  return out;
}

// BATCH in one frame.
std::string batch(const std::string& line, const Lines& messages) {
  return line + "\n" + packed(messages);
}

std::string first_line(const std::string& message) { return message.substr(0, message.find('\n')); }

Lines texts(const backstage::test::Script& script) {
  Lines all;
  for (const auto& got : script.got) all.push_back(got.text);
  return all;
}

struct World : GatewayWorld {
  explicit World(Options given = default_options()) : GatewayWorld(std::move(given)) {
    sink = stage.type("sink");
    (void)stage.spawn("sink", "sink");
  }
  std::shared_ptr<backstage::test::Script> sink;
};

TEST_CASE("the entries of a batch run in order, answer as if sent alone, and then comes its OK",
          "[gateway]") {
  World world;
  auto client = world.dealer();
  const Lines entries{
      "SEND sink id=1\na", "SEND nosuch id=2\nb", "send sink id=3\nc", "SEND sink\nd", "PING x",
      "SUB a id=5",        "PUB a id=6\ne"};
  client.say(batch("BATCH 7 id=9", entries));
  const auto heard = client.heard();
  REQUIRE(heard.size() == 8);
  CHECK(heard[0] == "OK 1");
  CHECK(heard[1] == "ERR 2 404 no_actor");
  CHECK(first_line(heard[2]) == "ERR 3 400 bad_verb");
  CHECK(heard[3] == "PONG epoch=e10e9ffb subs=0 x");
  CHECK(heard[4] == "OK 5 sub=1 seq=0");
  CHECK(heard[5] == "OK 6 n=1 full=0");
  CHECK(heard[6] == "OK 9");
  CHECK(heard[7] == "MSG 1 a/default 1 client.1\ne");
  CHECK(texts(*world.sink) == Lines{"a", "d"});
  CHECK(world.counters.batches_in.get() == 1);
}

TEST_CASE("a batch means the same in one frame and in two", "[gateway]") {
  World world;
  auto client = world.dealer();
  const Lines entries{"SEND sink id=1\na", "SEND sink id=2\nb"};
  const auto one = client.ask(batch("BATCH 2 id=3", entries));
  client.say(Frames{"BATCH 2 id=3", packed(entries)});
  CHECK(client.heard() == one);
  CHECK(one == Lines{"OK 1", "OK 2", "OK 3"});
}

TEST_CASE("a batch without id is answered by its entries alone, unless all is to be answered",
          "[gateway]") {
  World world;
  auto client = world.dealer();
  CHECK(client.ask(batch("BATCH 1", {"SEND sink\na"})).empty());
  client.say("HELLO v=1 verbose=1");
  (void)client.heard();
  CHECK(client.ask(batch("BATCH 1", {"SEND sink\nb"})) == Lines{"OK 0", "OK 0"});
}

TEST_CASE("of a batch that does not add up nothing runs", "[gateway]") {
  World world;
  auto client = world.dealer();
  const std::string good = packed({"SEND sink\na", "SEND sink\nb"});
  const std::string nested = packed({"SEND sink\na", "BATCH 1\n" + packed({"PING"})});
  const std::vector<std::pair<std::string, std::string>> rows{
      {"BATCH 3 id=4", good},
      {"BATCH 1 id=4", good},
      {"BATCH 2 id=4", good.substr(0, good.size() - 1)},
      {"BATCH 2 id=4", good + "x"},
      {"BATCH 2 id=4", good.substr(0, 3)},
      {"BATCH 2 id=4", ""},
      {"BATCH 1 id=4", std::string("\xff\xff\xff\xff", 4) + "SEND sink\na"},
      {"BATCH 2 id=4", nested},
      {"BATCH 1025 id=4", packed(Lines(1025, "SEND sink\na"))},
      {"BATCH 0 id=4", ""},
  };
  for (const auto& [line, payload] : rows) {
    INFO(line << " with " << payload.size() << " bytes");
    client.say(Frames{line, payload});
    const auto heard = client.heard();
    REQUIRE(heard.size() == 1);
    CHECK(first_line(heard[0]) == "ERR 4 400 bad_batch");
    CHECK(heard[0].size() > first_line(heard[0]).size() + 10);
  }
  CHECK(texts(*world.sink).empty());
  CHECK(world.counters.batches_in.get() == 0);
  CHECK(client.ask(batch("BATCH 1 id=5", {"SEND sink id=6\na"})) == Lines{"OK 6", "OK 5"});
}

TEST_CASE("1024 entries run, and all of their answers are kept for a client that is slow to read",
          "[gateway]") {
  World world;
  auto client = world.dealer();
  client.say("HELLO v=1 name=desk");
  (void)client.heard();
  client.take_only(0);
  Lines entries;
  Lines expected;
  for (int i = 1; i <= 1024; ++i) {
    entries.push_back("SEND sink id=" + std::to_string(i) + "\nx");
    expected.push_back("OK " + std::to_string(i));
  }
  client.say(batch("BATCH 1024 id=2000", entries));
  expected.emplace_back("OK 2000");
  CHECK(world.counters.kicked.get() == 0);
  client.take_all();
  CHECK(client.heard() == expected);
}

TEST_CASE("a client that sends batches and never reads is ended even so", "[gateway]") {
  World world;
  auto client = world.dealer();
  client.say("HELLO v=1 name=deaf");
  (void)client.heard();
  client.take_only(0);
  const std::string many = batch("BATCH 1024", Lines(1024, "PING"));
  for (int i = 0; i < 40 && world.counters.kicked.get() == 0; ++i) client.say(many);
  CHECK(world.events.has("ended deaf slow_consumer"));
  client.take_all();
  CHECK(client.heard() == Lines{"BYE 429 slow_consumer"});
}

TEST_CASE("each entry has its own limit, and the batch may be larger", "[gateway]") {
  auto options = GatewayWorld::default_options();
  options.limits.payload_bytes_max = 100;
  World world(options);
  auto client = world.dealer();
  const Lines entries{"SEND sink id=1\n" + std::string(100, 'a'),
                      "SEND sink id=2\n" + std::string(101, 'b'),
                      "SEND sink id=3\n" + std::string(100, 'c')};
  CHECK(client.ask(batch("BATCH 3 id=4", entries)) ==
        Lines{"OK 1", "ERR 2 413 too_large", "OK 3", "OK 4"});
  CHECK(world.sink->got.size() == 2);
}

TEST_CASE("repeated ids within and across batches are not executed again", "[gateway]") {
  World world;
  auto client = world.dealer();
  client.say("HELLO v=1 name=desk");
  (void)client.heard();
  const Lines entries{"SEND sink id=1\na", "SEND sink id=1\na", "SEND nosuch id=2\nb"};
  CHECK(client.ask(batch("BATCH 3 id=3", entries)) ==
        Lines{"OK 1", "OK 1 dup=1", "ERR 2 404 no_actor", "OK 3"});
  CHECK(client.ask(batch("BATCH 3 id=4", entries)) ==
        Lines{"OK 1 dup=1", "OK 1 dup=1", "ERR 2 404 no_actor dup=1", "OK 4"});
  CHECK(world.sink->got.size() == 1);
}

TEST_CASE("a batch may open the session, and what follows a BYE in it is not heard", "[gateway]") {
  World world;
  auto client = world.dealer();
  client.say(batch("BATCH 4 id=9",
                   {"HELLO v=1 name=desk id=1", "SEND sink id=2\na", "BYE", "SEND sink id=3\nb"}));
  const auto heard = client.heard();
  REQUIRE(heard.size() == 3);
  CHECK(heard[0].starts_with("WELCOME v=1 name=desk "));
  CHECK(heard[1] == "OK 2");
  CHECK(heard[2] == "BYE 200 ok");
  CHECK(texts(*world.sink) == Lines{"a"});
  CHECK(world.counters.ignored.get() == 1);
}

TEST_CASE("while the daemon drains each entry is refused by itself", "[gateway]") {
  World world;
  auto client = world.dealer();
  client.say("PING");
  (void)client.heard();
  world.front.begin_draining(100ms);
  CHECK(client.ask(batch("BATCH 2 id=3", {"SEND sink id=1\na", "PING"})) ==
        Lines{"ERR 1 503 stopping retry=1000", "PONG epoch=e10e9ffb subs=0", "OK 3"});
}

TEST_CASE("a REQ socket cannot send a batch", "[gateway]") {
  World world;
  auto client = world.req();
  CHECK(client.ask(batch("BATCH 1 id=1", {"SEND sink\na"})) == Lines{"ERR 1 405 needs_dealer"});
  CHECK(texts(*world.sink).empty());
}

TEST_CASE("large payloads of a batch are parts of its frame, and small ones copies", "[gateway]") {
  World world;
  std::vector<Payload> kept;
  world.sink->receive = [&kept](Context&, const Envelope& envelope) -> Outcome {
    kept.push_back(envelope.payload);
    return Handled::done;
  };
  const std::string large(frame_adopt_bytes_min, 'L');
  auto client = world.dealer();
  Payload outlives;
  const void* begin = nullptr;
  const void* end = nullptr;
  {
    FakeMessage message({"BATCH 3 id=1", packed({"SEND sink\nsmall", "SEND sink\n" + large,
                                                 "SEND sink\n" + large.substr(1)})});
    const auto frame = message.frames()[1];
    begin = frame.data();
    end = frame.data() + frame.size();
    client.say(message);
  }
  REQUIRE(kept.size() == 3);
  const auto lies_in_frame = [&](const Payload& payload) {
    return payload.data() >= begin && payload.data() < end;
  };
  CHECK_FALSE(lies_in_frame(kept[0]));
  CHECK(lies_in_frame(kept[1]));
  CHECK_FALSE(lies_in_frame(kept[2]));
  outlives = kept[1];
  kept.clear();
  CHECK(outlives.text() == large);
}

TEST_CASE("a small part of a large batch is copied, so that it does not keep all of it",
          "[gateway]") {
  World world;
  std::vector<Payload> kept;
  world.sink->receive = [&kept](Context&, const Envelope& envelope) -> Outcome {
    kept.push_back(envelope.payload);
    return Handled::done;
  };
  auto client = world.dealer();
  FakeMessage message(
      {"BATCH 2 id=1", packed({"SEND sink\n" + std::string(frame_adopt_bytes_min, 'x'),
                               "SEND nosuch\n" + std::string(200'000, 'y')})});
  const auto frame = message.frames()[1];
  const void* const begin = frame.data();
  const void* const end = frame.data() + frame.size();
  client.say(message);
  REQUIRE(kept.size() == 1);
  const bool lies_in_frame = kept[0].data() >= begin && kept[0].data() < end;
  CHECK_FALSE(lies_in_frame);
}

TEST_CASE("a batch on ingest runs as its entries would alone, and is not answered", "[gateway]") {
  World world;
  auto client = world.dealer();
  client.say("SUB */> id=1");
  (void)client.heard();
  world.ingest(batch("BATCH 4 id=9", {"SEND sink from=meter\n1", "REQ sink id=1\nx",
                                      "PUB meter/level\n2", "SEND sink\n3"}));
  CHECK(texts(*world.sink) == Lines{"1", "3"});
  CHECK(world.sink->got[0].from == "meter");
  CHECK(client.heard() == Lines{"MSG 1 meter/level 1 meter\n2"});
  CHECK(world.counters.ingest_refused.get() == 1);
  CHECK(world.counters.ingested.get() == 1);
  CHECK(world.events.lines.back().starts_with("ingest_refused not_here"));
  world.ingest(batch("BATCH 3", {"SEND sink\n4", "SEND sink\n5"}));
  CHECK(world.events.lines.back().starts_with("ingest_refused bad_batch BATCH 3"));
  CHECK(world.sink->got.size() == 2);
}

TEST_CASE("a full target stalls ingest in the midst of a batch, and the rest follows in order",
          "[gateway]") {
  GatewayWorld world;
  ActorType small;
  small.mailbox.data_messages_max = 2;
  const auto sink = world.stage.type("sink", {}, small);
  (void)world.stage.spawn("sink", "sink");
  Lines entries;
  Lines expected;
  for (int i = 0; i < 9; ++i) {
    entries.push_back("SEND sink\n" + std::to_string(i));
    expected.push_back(std::to_string(i));
  }
  FakeMessage message({batch("BATCH 9", entries)});
  world.front.on_ingest(message);
  CHECK(world.transport.is_paused);
  for (int turn = 0; turn < 10 && world.transport.is_paused; ++turn) {
    world.settle();
    world.advance(20ms);
  }
  CHECK_FALSE(world.transport.is_paused);
  CHECK(texts(*sink) == expected);
  CHECK(world.counters.ingest_stalls.get() == 4);
  CHECK(world.counters.ingest_refused.get() == 0);
}

TEST_CASE("what ingest has taken and cannot give when the daemon ends is refused, each message",
          "[gateway]") {
  GatewayWorld world;
  ActorType small;
  small.mailbox.data_messages_max = 1;
  (void)world.stage.type("sink", {}, small);
  (void)world.stage.spawn("sink", "sink");
  FakeMessage message(
      {batch("BATCH 4", {"SEND sink\n1", "SEND sink\n2", "SEND sink type=t\n3", "SEND sink\n4"})});
  world.front.on_ingest(message);
  world.front.begin_stop();
  world.front.finish_stop();
  CHECK(world.counters.ingest_refused.get() == 3);
  CHECK(world.events.has("ingest_refused stopping sink"));
  CHECK(world.events.has("ingest_refused stopping SEND sink type=t"));
}

}  // namespace
}  // namespace backstage::gateway::test
