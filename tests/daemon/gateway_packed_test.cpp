// batch=1: what comes for a client within one turn goes out as one BATCH, and nothing waits for it.
#include <map>
#include <random>

#include "daemon/gateway/pack.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/gateway_fixture.hpp"

namespace backstage::gateway::test {
namespace {

using namespace std::string_view_literals;
using Lines = std::vector<std::string>;

// A client that said batch=1, and its WELCOME read.
FakeClient batching(GatewayWorld& world, const std::string& keys = "") {
  auto client = world.dealer();
  client.say("HELLO v=1 batch=1" + keys);
  REQUIRE(client.heard().size() == 1);
  return client;
}

// Says all, and then the world moves.
void say_at_once(GatewayWorld& world, FakeClient& client, const Lines& lines) {
  for (const auto& line : lines) client.whisper({line});
  world.settle();
}

TEST_CASE("what comes within one turn is one message, and one alone goes plain", "[gateway]") {
  GatewayWorld world;
  auto client = batching(world);
  auto feed = world.dealer();
  client.say("SUB a id=1");
  CHECK(client.heard_raw() == Lines{"OK 1 sub=1 seq=0"});
  feed.say("PUB a\nx");
  CHECK(client.heard_raw() == Lines{"MSG 1 a/default 1 client.2\nx"});
  say_at_once(world, feed, {"PUB a\ny", "PUB a\n", "PUB a type=t\nz"});
  const auto heard = client.heard_raw();
  REQUIRE(heard.size() == 1);
  CHECK(heard[0] ==
        "BATCH 3\n"
        "\x1c\0\0\0MSG 1 a/default 2 client.2\ny"
        "\x1b\0\0\0MSG 1 a/default 3 client.2\n"
        "\x23\0\0\0MSG 1 a/default 4 client.2 type=t\nz"sv);
  CHECK(world.counters.batches_out.get() == 1);
}

TEST_CASE("a batch has the same payload in one frame and in two", "[gateway]") {
  GatewayWorld world;
  auto two = batching(world);
  auto one = batching(world, " frames=1");
  auto feed = world.dealer();
  for (auto* client : {&two, &one}) client->say("SUB a id=1");
  for (auto* client : {&two, &one}) (void)client->heard();
  say_at_once(world, feed, {"PUB a\nx", "PUB a\ny"});
  const Frames in_two = world.transport.lines[two.id()].heard.at(0);
  const Frames in_one = world.transport.lines[one.id()].heard.at(0);
  REQUIRE(in_two.size() == 2);
  REQUIRE(in_one.size() == 1);
  CHECK(in_two[0] == "BATCH 2");
  CHECK(in_one[0] == in_two[0] + "\n" + in_two[1]);
  (void)one.heard();
  feed.say("PUB a\nz");
  CHECK(world.transport.lines[one.id()].heard.at(0) == Frames{"MSG 1 a/default 3 client.3\nz"});
}

TEST_CASE("answers and deliveries are packed in one order", "[gateway]") {
  GatewayWorld world;
  (void)world.stage.type("echo", [](Context& context, const Envelope& envelope) -> Outcome {
    (void)context.publish("done", {{}, envelope.payload});
    (void)context.reply(envelope.request_ref(), {{}, envelope.payload});
    return Handled::done;
  });
  (void)world.stage.spawn("echo", "echo");
  auto client = batching(world);
  say_at_once(world, client, {"SUB echo/done id=1", "REQ echo id=2\nx", "PING y", "NONSENSE"});
  const auto heard = client.heard_raw();
  REQUIRE(heard.size() == 2);
  CHECK(heard[0].starts_with("BATCH 3\n"));
  CHECK(heard[0].find("OK 1 sub=1 seq=0") < heard[0].find("PONG epoch=e10e9ffb subs=1 y"));
  CHECK(heard[0].find("PONG") < heard[0].find("ERR 0 400 bad_verb\n"));
  CHECK(heard[1].starts_with("BATCH 2\n"));
  CHECK(heard[1].find("MSG 1 echo/done 1 echo\nx") < heard[1].find("REP 2\nx"));
}

TEST_CASE("who did not ask for batches gets none, and a later HELLO ends them", "[gateway]") {
  GatewayWorld world;
  auto plain = world.dealer();
  auto client = batching(world);
  auto feed = world.dealer();
  plain.say("SUB a id=1");
  client.say("SUB a id=1");
  say_at_once(world, feed, {"PUB a\nx", "PUB a\ny"});
  CHECK(plain.heard_raw().size() == 3);
  (void)client.heard();
  client.say("HELLO v=1");
  say_at_once(world, feed, {"PUB a\nx", "PUB a\ny"});
  CHECK(client.heard_raw().size() == 3);
  auto req = world.req();
  req.say("HELLO v=1 batch=1");
  CHECK(req.heard_raw().size() == 1);
}

TEST_CASE("a batch holds at most 1024 messages and 64 KiB", "[gateway]") {
  GatewayWorld world;
  auto client = batching(world);
  auto feed = world.dealer();
  client.say("SUB a id=1");
  (void)client.heard();
  const auto sizes_after = [&](std::size_t messages, std::size_t bytes) {
    say_at_once(world, feed, Lines(messages, "PUB a\n" + std::string(bytes, 'x')));
    std::map<std::string, int> counts;
    for (const auto& frames : world.transport.lines[client.id()].heard) {
      CHECK(frames.at(1).size() <= Pack::bytes_max);
      ++counts[frames.at(0).substr(0, 7)];
    }
    CHECK(client.heard().size() == messages);
    return counts;
  };
  // A turn of a client's cell is 256 messages, so that 1,024 come of answers only.
  CHECK(sizes_after(200, 1).size() == 1);
  CHECK(sizes_after(100, 4'000).size() >= 1);
  say_at_once(world, client, Lines(3'000, "PING"));
  Lines heads;
  for (const auto& frames : world.transport.lines[client.id()].heard) {
    heads.push_back(frames.at(0));
    CHECK(frames.at(1).size() <= Pack::bytes_max);
  }
  CHECK(heads == Lines{"BATCH 1024", "BATCH 1024", "BATCH 952"});
}

TEST_CASE("a large payload goes by itself and uncopied, between what came before and after",
          "[gateway]") {
  GatewayWorld world;
  auto client = batching(world);
  auto feed = world.dealer();
  client.say("SUB a id=1");
  (void)client.heard();
  FakeMessage large({"PUB a", std::string(frame_adopt_bytes_min, 'L')});
  const void* const bytes = large.frames()[1].data();
  for (const auto* text : {"PUB a\n1", "PUB a\n2"}) feed.whisper({text});
  feed.say(large);
  say_at_once(world, feed, {"PUB a\n4", "PUB a\n5"});
  const auto raw = client.heard_raw();
  REQUIRE(raw.size() == 3);
  CHECK(raw[0].starts_with("BATCH 2\n"));
  CHECK(raw[1].starts_with("MSG 1 a/default 3 client.2\nLLLL"));
  CHECK(raw[2].starts_with("BATCH 2\n"));
  CHECK(world.transport.lines[client.id()].shared == std::vector<const void*>{bytes});
}

TEST_CASE("a large payload is shared from the frame it came in to the one it leaves in",
          "[gateway]") {
  GatewayWorld world;
  auto plain = world.dealer();
  auto one_frame = world.dealer();
  one_frame.say("HELLO v=1 frames=1");
  auto feed = world.dealer();
  for (auto* client : {&plain, &one_frame}) client->say("SUB a id=1");
  FakeMessage in_two({"PUB a", std::string(frame_adopt_bytes_min, 'x')});
  FakeMessage in_one({"PUB a\n" + std::string(frame_adopt_bytes_min, 'y')});
  const void* const two = in_two.frames()[1].data();
  const void* const one = in_one.frames()[0].data() + 6;
  feed.say(in_two);
  feed.say(in_one);
  CHECK(world.transport.lines[plain.id()].shared == std::vector<const void*>{two, one});
  // In one frame the payload has to stand behind the line: one copy, which the transport shares.
  const auto& shared = world.transport.lines[one_frame.id()].shared;
  REQUIRE(shared.size() == 2);
  CHECK(shared[0] != two);
  CHECK(one_frame.heard().back().ends_with("y"));
}

TEST_CASE("a batch that is not taken waits, and nothing is lost or put out of order", "[gateway]") {
  auto options = GatewayWorld::default_options();
  options.limits.session_messages_max = 10;
  GatewayWorld world(options);
  auto client = batching(world, " name=desk");
  auto feed = world.dealer();
  client.say("SUB a id=1");
  (void)client.heard();
  client.take_only(0);
  Lines all;
  for (int i = 0; i < 40; ++i) all.push_back("PUB a\n" + std::to_string(i));
  say_at_once(world, feed, {all.begin(), all.begin() + 5});
  // These five wait in the outbox: handled, for the ledger. What follows stays in the mailbox.
  CHECK(world.stage.ledger().queued == 0);
  CHECK(world.counters.clients.bytes > 0);
  say_at_once(world, feed, {all.begin() + 5, all.end()});
  client.whisper({"PING x"});
  world.settle();
  client.take_all();
  const auto heard = client.heard();
  REQUIRE(heard.size() >= 8);
  for (std::size_t i = 0; i < 5; ++i) CHECK(heard[i].ends_with("\n" + std::to_string(i)));
  CHECK(heard[5].starts_with("PONG "));
  std::uint64_t next = 6;
  for (std::size_t i = 6; i < heard.size(); ++i) {
    const bool is_gap = heard[i].starts_with("GAP ");
    const auto words = heard[i].substr(16);
    const auto first = std::stoull(words);
    CHECK(first == next);
    next = is_gap ? std::stoull(words.substr(words.find(' '))) + 1 : first + 1;
  }
  CHECK(next == 41);
  CHECK(world.counters.clients.bytes == 0);
  CHECK(world.stage.ledger().is_balanced());
}

TEST_CASE("at any pace of taking every number is one MSG or in one GAP, packed or not",
          "[gateway]") {
  auto options = GatewayWorld::default_options();
  options.limits.session_messages_max = 50;
  GatewayWorld world(options);
  auto client = batching(world);
  auto feed = world.dealer();
  client.say("SUB a id=1");
  (void)client.heard();
  std::mt19937_64 random(7);  // NOLINT(cert-msc32-c,cert-msc51-cpp): a failure must come again
  std::uint64_t next = 1;
  std::uint64_t gaps = 0;
  std::uint64_t pongs = 0;
  const auto look = [&] {
    for (const auto& line : client.heard()) {
      if (line.starts_with("PONG")) {
        ++pongs;
        continue;
      }
      const bool is_gap = line.starts_with("GAP ");
      const auto words = line.substr(16);
      CHECK(std::stoull(words) == next);
      next = is_gap ? std::stoull(words.substr(words.find(' '))) + 1 : next + 1;
      if (is_gap) ++gaps;
    }
  };
  std::uint64_t published = 0;
  for (int round = 0; round < 400; ++round) {
    client.take_only(random() % 4);
    const auto many = random() % 60;
    for (std::uint64_t i = 0; i < many; ++i) {
      const std::size_t size = random() % 20 == 0 ? 5'000 : random() % 100;
      feed.whisper({"PUB a\n" + std::string(size, 'x')});
      ++published;
    }
    client.whisper({"PING"});
    if (random() % 2 == 0) world.settle();
    look();
  }
  client.take_all();
  look();
  CHECK(next == published + 1);
  CHECK(gaps > 10);
  CHECK(pongs == 400);
  CHECK(world.counters.clients.bytes == 0);
  CHECK(world.stage.ledger().is_balanced());
}

TEST_CASE("BYE is the last thing a batching client hears, and comes at once", "[gateway]") {
  GatewayWorld world;
  auto client = batching(world, " name=desk");
  say_at_once(world, client, {"PING", "BYE", "PING"});
  const auto heard = client.heard();
  REQUIRE(heard.size() >= 2);
  CHECK(heard[1] == "BYE 200 ok");
  auto other = batching(world, " name=desk");
  world.front.begin_stop();
  CHECK(other.heard() == Lines{"BYE 503 stopping"});
}

TEST_CASE("a batching client that leaves before the turn ends leaves no trace", "[gateway]") {
  GatewayWorld world;
  auto client = batching(world, " name=desk");
  auto feed = world.dealer();
  client.say("SUB a id=1");
  (void)client.heard();
  client.whisper({"PING"});
  feed.whisper({"PUB a\nx"});
  client.leave();
  CHECK(client.heard().empty());
  CHECK(world.counters.clients.bytes == 0);
  CHECK(world.stage.ledger().is_balanced());
  CHECK(batching(world, " name=desk").heard().empty());
}

}  // namespace
}  // namespace backstage::gateway::test
