// Clients that take slowly: nothing is lost silently, order holds, answers have a bounded reserve.
#include <fmt/core.h>

#include <map>
#include <set>
#include <sstream>

#include "tests/support/catch.hpp"
#include "tests/support/gateway_fixture.hpp"

namespace backstage::gateway::test {
namespace {

using Lines = std::vector<std::string>;

Options with_room_for(std::uint32_t messages) {
  auto options = GatewayWorld::default_options();
  options.limits.session_messages_max = messages;
  return options;
}

struct Read {
  std::string verb;
  std::uint64_t sub = 0;
  std::string address;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::string reason;
};

Read read(const std::string& line) {
  std::istringstream words(line);
  Read read;
  words >> read.verb >> read.sub >> read.address >> read.first;
  read.last = read.first;
  if (read.verb == "GAP") words >> read.last >> read.reason;
  return read;
}

// Each sequence number of each address of a subscription: as MSG once, or in one GAP; only rising.
struct Books {
  std::map<std::string, std::uint64_t> expected;
  std::uint64_t messages = 0;
  std::uint64_t gaps = 0;
  bool is_sound = true;
  std::string wrong;

  void add(const Lines& lines) {
    for (const auto& line : lines) {
      const Read one = read(line);
      if (one.verb != "MSG" && one.verb != "GAP") continue;
      auto& next = expected.try_emplace(std::to_string(one.sub) + one.address, 1).first->second;
      if (one.first != next || one.last < one.first) {
        is_sound = false;
        if (wrong.empty()) wrong = line;
      }
      next = one.last + 1;
      ++(one.verb == "MSG" ? messages : gaps);
    }
  }
};

TEST_CASE("every number of a slow client's subscription is one MSG or in one GAP", "[gateway]") {
  for (const std::string over : {"oldest", "newest", "conflate"}) {
    INFO(over);
    GatewayWorld world(with_room_for(50));
    auto slow = world.dealer();
    auto feed = world.dealer();
    slow.say("SUB a/> id=1 over=" + over);
    Books books;
    std::uint64_t random = 42;
    for (int round = 0; round < 200; ++round) {
      random = random * 6364136223846793005U + 1442695040888963407U;
      slow.take_only((random >> 33U) % 30);
      for (int i = 0; i < 20; ++i) {
        feed.say("PUB a/t" + std::to_string((random >> (i % 20 + 20)) % 5) + "\nx");
      }
      books.add(slow.heard());
    }
    slow.take_all();
    books.add(slow.heard());
    CHECK(books.wrong == "");
    CHECK(books.is_sound);
    CHECK(books.messages > 100);
    CHECK(books.gaps > 10);
    std::uint64_t sum = 0;
    for (const auto& [address, next] : books.expected) sum += next - 1;
    CHECK(sum == 4'000);
    CHECK(world.stage.ledger().is_balanced());
  }
}

TEST_CASE("over=kick ends the session of a client that is too slow", "[gateway]") {
  GatewayWorld world(with_room_for(10));
  auto slow = world.dealer();
  auto feed = world.dealer();
  slow.say("HELLO v=1 name=slow");
  slow.say("SUB a id=1 over=kick");
  (void)slow.heard();
  slow.take_only(0);
  for (int i = 0; i < 20; ++i) feed.say("PUB a\nx");
  CHECK(world.events.has("ended slow slow_consumer"));
  // What it says before it can have read BYE is not executed under another name.
  CHECK(slow.ask("SEND nosuch id=2").empty());
  slow.take_all();
  CHECK(slow.heard() == Lines{"BYE 429 slow_consumer"});
  CHECK(slow.ask("SEND nosuch id=3") == Lines{"ERR 3 440 hello_required"});
  CHECK(slow.ask("HELLO v=1 name=slow id=4").size() == 1);
}

TEST_CASE("a full session refuses mail to its own name to the sender", "[gateway]") {
  GatewayWorld world(with_room_for(3));
  auto slow = world.dealer();
  auto other = world.dealer();
  slow.say("HELLO v=1 name=slow");
  (void)slow.heard();
  slow.take_only(0);
  Lines answers;
  for (int i = 1; i <= 6; ++i) {
    answers.push_back(
        other.ask("SEND slow id=" + std::to_string(i) + "\n" + std::to_string(i)).at(0));
  }
  // One more than the mailbox holds is in the client's hand.
  CHECK(answers == Lines{"OK 1", "OK 2", "OK 3", "OK 4", "ERR 5 429 mailbox_full retry=50",
                         "ERR 6 429 mailbox_full retry=50"});
  slow.take_all();
  CHECK(slow.heard() == Lines{"MSG 0 slow 0 client.2\n1", "MSG 0 slow 0 client.2\n2",
                              "MSG 0 slow 0 client.2\n3", "MSG 0 slow 0 client.2\n4"});
}

TEST_CASE("the OK of UNSUB comes behind the last MSG, and no MSG behind it", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  auto feed = world.dealer();
  client.say("SUB a id=1");
  (void)client.heard();
  client.take_only(3);
  for (int i = 0; i < 10; ++i) feed.say("PUB a\nx");
  client.say("UNSUB a id=2");
  for (int i = 0; i < 10; ++i) feed.say("PUB a\ny");
  client.take_all();
  const auto heard = client.heard();
  REQUIRE(heard.size() == 11);
  for (int i = 0; i < 10; ++i) {
    CHECK(heard[static_cast<std::size_t>(i)] ==
          "MSG 1 a/default " + std::to_string(i + 1) + " client.2\nx");
  }
  CHECK(heard[10] == "OK 2");
}

TEST_CASE("subscribing again before the OK of UNSUB gives another number", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  auto feed = world.dealer();
  client.say("SUB a id=1");
  (void)client.heard();
  client.take_only(0);
  feed.say("PUB a\n1");
  client.say("UNSUB a id=2");
  client.say("SUB a id=3");
  feed.say("PUB a\n2");
  client.take_all();
  CHECK(client.heard() == Lines{"OK 3 sub=2 seq=1", "MSG 1 a/default 1 client.2\n1", "OK 2",
                                "MSG 2 a/default 2 client.2\n2"});
}

TEST_CASE("the OK of SUB comes before its first MSG when the client takes slowly", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  auto feed = world.dealer();
  client.say("PING");
  client.take_only(0);
  client.say("SUB a id=1");
  for (int i = 0; i < 5; ++i) feed.say("PUB a\nx");
  client.take_only(2);
  client.take_all();
  const auto heard = client.heard();
  REQUIRE(heard.size() == 7);
  CHECK(heard[1] == "OK 1 sub=1 seq=0");
  CHECK(heard[2] == "MSG 1 a/default 1 client.2\nx");
  CHECK(heard[6] == "MSG 1 a/default 5 client.2\nx");
}

TEST_CASE("replies are never lost to a slow client, and their order holds", "[gateway]") {
  GatewayWorld world(with_room_for(5));
  (void)world.stage.type("echo", [](Context& context, const Envelope& envelope) -> Outcome {
    (void)context.reply(envelope.request_ref(), {{}, envelope.payload});
    return Handled::done;
  });
  (void)world.stage.spawn("echo", "echo");
  auto client = world.dealer();
  client.take_only(0);
  Lines expected;
  for (int i = 1; i <= 500; ++i) {
    const auto n = std::to_string(i);
    client.say(fmt::format("REQ echo id={0}\n{0}", n));
    expected.push_back(fmt::format("REP {0}\n{0}", n));
  }
  client.take_only(7);
  client.take_all();
  CHECK(client.heard() == expected);
}

TEST_CASE("a client that sends commands and never reads is ended", "[gateway]") {
  auto options = GatewayWorld::default_options();
  options.limits.outbox_entries_max = 8;
  GatewayWorld world(options);
  auto client = world.dealer();
  auto other = world.dealer();
  client.say("HELLO v=1 name=deaf");
  (void)client.heard();
  client.take_only(0);
  for (int i = 0; i < 100; ++i) client.say("PING");
  CHECK(world.events.has("ended deaf slow_consumer"));
  CHECK(world.counters.kicked.get() == 1);
  CHECK(world.counters.ignored.get() == 91);
  client.take_all();
  CHECK(client.heard() == Lines{"BYE 429 slow_consumer"});
  CHECK(other.ask("HELLO v=1 name=deaf").size() == 1);
}

TEST_CASE("a connection without a session that never reads is ended too", "[gateway]") {
  auto options = GatewayWorld::default_options();
  options.limits.outbox_entries_max = 8;
  GatewayWorld world(options);
  auto client = world.dealer();
  client.take_only(0);
  for (int i = 0; i < 100; ++i) client.say("PING");
  client.take_all();
  CHECK(client.heard() == Lines{"BYE 429 slow_consumer"});
  CHECK(client.ask("PING") == Lines{"PONG epoch=e10e9ffb subs=0"});
}

TEST_CASE("a slow client does not hold up another", "[gateway]") {
  GatewayWorld world(with_room_for(10));
  auto slow = world.dealer();
  auto quick = world.dealer();
  auto feed = world.dealer();
  slow.say("SUB a id=1");
  quick.say("SUB a id=1");
  (void)quick.heard();
  slow.take_only(0);
  for (int i = 0; i < 500; ++i) feed.say("PUB a\nx");
  CHECK(quick.heard().size() == 500);
  slow.leave();
  CHECK(world.stage.ledger().is_balanced());
}

TEST_CASE("what waits for a client that leaves is accounted for", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  auto feed = world.dealer();
  client.say("HELLO v=1 name=desk");
  client.say("SUB a id=1");
  client.take_only(0);
  for (int i = 0; i < 5; ++i) feed.say("PUB a\nx");
  for (int i = 0; i < 5; ++i) feed.say("SEND desk\nx");
  feed.say("REQ desk id=1\nx");
  client.leave();
  CHECK(feed.heard().back() == "ERR 1 500 actor_failed\ndisconnected");
  CHECK(world.stage.ledger().is_balanced());
  CHECK(world.stage.engine.stats().subscriptions == 0);
}

}  // namespace
}  // namespace backstage::gateway::test
