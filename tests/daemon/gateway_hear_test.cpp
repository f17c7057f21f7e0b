// What one client publishes, another hears within the publisher's turn, unless something waits.
#include "daemon/gateway/last_line.hpp"
#include "daemon/wire/decode.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/gateway_fixture.hpp"

namespace backstage::gateway::test {
namespace {

using Lines = std::vector<std::string>;

FakeClient subscriber(GatewayWorld& world, const std::string& keys = "") {
  auto client = world.dealer();
  client.say("SUB a" + keys);
  (void)client.heard();
  return client;
}

TEST_CASE("a publish is heard within its own turn", "[gateway]") {
  GatewayWorld world;
  auto client = subscriber(world);
  auto feed = world.dealer();
  feed.say("PING");
  feed.whisper({"PUB a\nx"});
  CHECK(client.heard() == Lines{"MSG 1 a/default 1 client.2\nx"});
  world.settle();
  CHECK(client.heard().empty());
}

TEST_CASE("what is heard at once is accepted and handled", "[gateway]") {
  GatewayWorld world;
  auto client = subscriber(world);
  auto feed = world.dealer();
  feed.say("PING");
  const auto before = world.stage.ledger();
  for (int i = 0; i < 3; ++i) feed.whisper({"PUB a\nx"});
  const auto after = world.stage.ledger();
  CHECK(after.accepted == before.accepted + 3);
  CHECK(after.handled == before.handled + 3);
  CHECK(after.is_balanced());
}

TEST_CASE("what a client publishes to itself comes behind its OK", "[gateway]") {
  GatewayWorld world;
  auto client = subscriber(world);
  CHECK(client.ask("PUB a id=2\nx") == Lines{"OK 2 n=1 full=0", "MSG 1 a/default 1 client.1\nx"});
}

TEST_CASE("nothing is heard before what waits for a blocked client", "[gateway]") {
  GatewayWorld world;
  auto client = subscriber(world);
  auto feed = world.dealer();
  client.take_only(1);
  for (const char* body : {"1", "2", "3"}) feed.say(std::string("PUB a\n") + body);
  CHECK(client.heard() == Lines{"MSG 1 a/default 1 client.2\n1"});
  client.take_all();
  feed.whisper({"PUB a\n4"});
  world.settle();
  CHECK(client.heard() == Lines{"MSG 1 a/default 2 client.2\n2", "MSG 1 a/default 3 client.2\n3",
                                "MSG 1 a/default 4 client.2\n4"});
}

TEST_CASE("nothing is heard past a window that is shut", "[gateway]") {
  GatewayWorld world;
  auto client = subscriber(world, " window=1");
  auto feed = world.dealer();
  feed.say("PUB a\n1");
  feed.say("PUB a\n2");
  CHECK(client.heard() == Lines{"MSG 1 a/default 1 client.2\n1"});
  client.say("ACK 1 1");
  CHECK(client.heard() == Lines{"MSG 1 a/default 2 client.2\n2"});
  feed.say("PUB a\n3");
  CHECK(client.heard().empty());
}

TEST_CASE("each address of a publisher of many is looked up anew", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  client.say("SUB */>");
  (void)client.heard();
  auto feed = world.dealer();
  for (const char* line : {"PUB a/x\n1", "PUB a/y\n2", "PUB a/x\n3", "PUB b/x\n4", "PUB b/x\n5"}) {
    feed.say(line);
  }
  CHECK(client.heard() == Lines{"MSG 1 a/x 1 client.2\n1", "MSG 1 a/y 1 client.2\n2",
                                "MSG 1 a/x 2 client.2\n3", "MSG 1 b/x 1 client.2\n4",
                                "MSG 1 b/x 2 client.2\n5"});
}

TEST_CASE("a name that somebody takes is nobody else's from the next publish on", "[gateway]") {
  GatewayWorld world;
  auto feed = world.dealer();
  CHECK(feed.ask("PUB desk id=1\nx") == Lines{"OK 1 n=0 full=0"});
  auto desk = world.dealer();
  // Within one turn of the loop.
  desk.whisper({"HELLO v=1 name=desk"});
  feed.whisper({"PUB desk id=2\nx"});
  world.settle();
  CHECK(feed.heard() == Lines{"ERR 2 403 forbidden"});
}

const wire::Command* after_noting(LastLine& last, std::string_view line) {
  const auto command = wire::decode(line);
  REQUIRE(command);
  last.note(line, *command);
  return last.find(line);
}

TEST_CASE("a line without id is known from its second time on", "[gateway]") {
  LastLine last;
  CHECK(after_noting(last, "PUB a/b type=t") == nullptr);
  const auto* const known = after_noting(last, std::string("PUB a/b type=t"));
  REQUIRE(known != nullptr);
  CHECK(std::get<wire::Publish>(*known).actor == "a");
  CHECK(std::get<wire::Publish>(*known).topic == "b");
  CHECK(std::get<wire::Publish>(*known).type == "t");
  CHECK(last.find("PUB a/c type=t") == nullptr);
}

TEST_CASE("lines that differ by their id alone are one line, known with the id of each",
          "[gateway]") {
  LastLine last;
  CHECK(after_noting(last, "REQ ab id=9 type=t") == nullptr);
  const auto* const second = after_noting(last, "REQ ab id=10 type=t");
  REQUIRE(second != nullptr);
  CHECK(std::get<wire::Request>(*second).id == 10);
  for (const std::uint64_t id : {1ULL, 7ULL, 123'456'789ULL, 999'999'999'999'999'999ULL}) {
    const auto line = "REQ ab id=" + std::to_string(id) + " type=t";
    const auto* const known = last.find(line);
    REQUIRE(known != nullptr);
    const auto decoded = wire::decode(line);
    REQUIRE(decoded);
    CHECK(*known == *decoded);
  }
}

TEST_CASE("a line that is not the known one but for its id is decoded anew", "[gateway]") {
  LastLine last;
  (void)after_noting(last, "SEND a id=1 type=t");
  REQUIRE(after_noting(last, "SEND a id=2 type=t") != nullptr);
  for (const char* line :
       {"SEND a id=", "SEND a id= type=t", "SEND a id=x type=t", "SEND a id=0 type=t",
        "SEND a id=01 type=t", "SEND a id=1x type=t", "SEND a id=-1 type=t", "SEND a id=1",
        "SEND a id=1 type=", "SEND a id=1 type=tt", "SEND b id=1 type=t", "PUB a id=1 type=t", "",
        "SEND a id=9999999999999999999 type=t", "SEND a type=t id=1", "SEND a type=t"}) {
    CAPTURE(line);
    CHECK(last.find(line) == nullptr);
  }
  CHECK(last.find("SEND a id=3 type=t") != nullptr);
}

TEST_CASE("lines that are no data are never known", "[gateway]") {
  LastLine last;
  for (const char* line : {"SUB a", "SUB a id=1", "GET a id=1", "PING", "BATCH 3"}) {
    CAPTURE(line);
    CHECK(after_noting(last, line) == nullptr);
    CHECK(after_noting(last, line) == nullptr);
  }
}

TEST_CASE("what is said between two equal lines does not matter, unless it is data", "[gateway]") {
  LastLine last;
  (void)after_noting(last, "SEND a");
  (void)after_noting(last, "BATCH 2");
  CHECK(after_noting(last, "SEND a") != nullptr);
  (void)after_noting(last, "SEND b");
  CHECK(last.find("SEND a") == nullptr);
}

}  // namespace
}  // namespace backstage::gateway::test
