// Too much waits for all clients together: who has most loses its oldest, and is told which.
#include "tests/support/catch.hpp"
#include "tests/support/gateway_fixture.hpp"

namespace backstage::gateway::test {
namespace {

using Lines = std::vector<std::string>;

constexpr std::uint64_t budget = 256U << 10U;

Options with_budget() {
  auto options = GatewayWorld::default_options();
  options.limits.waiting_bytes_max = budget;
  return options;
}

std::uint64_t shed_count(const GatewayWorld& world) {
  return world.counters.clients.dropped[static_cast<std::size_t>(DropCause::shed)];
}

// Number of MSG, and of what GAP covers; each number once, in order.
struct Seen {
  std::uint64_t messages = 0;
  std::uint64_t missed = 0;
  std::uint64_t next = 1;
  bool is_whole = true;
  bool is_all_shed = true;

  void add(const Lines& lines) {
    for (const auto& line : lines) {
      const bool is_gap = line.starts_with("GAP 1 a/default ");
      if (!is_gap && !line.starts_with("MSG 1 a/default ")) continue;
      const auto words = line.substr(16);
      const auto first = std::stoull(words);
      const auto last = is_gap ? std::stoull(words.substr(words.find(' '))) : first;
      is_whole = is_whole && first == next;
      is_all_shed = is_all_shed && (!is_gap || line.ends_with(" shed"));
      next = last + 1;
      (is_gap ? missed : messages) += last - first + 1;
    }
  }
};

TEST_CASE("over the budget the session with most sheds its oldest, and no other", "[gateway]") {
  GatewayWorld world(with_budget());
  auto stuck = world.dealer();
  auto slow = world.dealer();
  auto quick = world.dealer();
  auto feed = world.dealer();
  stuck.say("SUB a id=1");
  quick.say("SUB a id=1");
  slow.say("SUB b id=1");
  stuck.take_only(0);
  slow.take_only(0);
  for (int i = 0; i < 10; ++i) feed.say("PUB b\n" + std::string(1'000, 'x'));
  Seen quick_saw;
  for (int i = 0; i < 900; ++i) {
    feed.say("PUB a\n" + std::string(1'000, 'x'));
    CHECK(world.counters.clients.bytes <= budget);
    quick_saw.add(quick.heard());
  }
  CHECK(world.counters.sheds.get() > 1);
  CHECK(quick_saw.messages == 900);
  stuck.take_all();
  Seen stuck_saw;
  stuck_saw.add(stuck.heard());
  CHECK(stuck_saw.is_whole);
  CHECK(stuck_saw.is_all_shed);
  CHECK(stuck_saw.next == 901);
  CHECK(stuck_saw.missed == shed_count(world));
  CHECK(stuck_saw.missed > 500);
  CHECK(stuck_saw.messages > 100);
  slow.take_all();
  CHECK(slow.heard().size() == 11);
  CHECK(world.counters.clients.bytes == 0);
  CHECK(world.stage.ledger().is_balanced());
  CHECK(world.stage.ledger().dropped[static_cast<std::size_t>(DropCause::shed)] ==
        shed_count(world));
}

TEST_CASE("many small messages count with what keeps them", "[gateway]") {
  auto options = with_budget();
  options.limits.session_messages_max = 1'000'000;
  GatewayWorld world(options);
  auto stuck = world.dealer();
  auto feed = world.dealer();
  stuck.say("SUB a id=1");
  stuck.take_only(0);
  for (int i = 0; i < 2'000; ++i) feed.say("PUB a\nx");
  CHECK(world.counters.clients.bytes <= budget);
  CHECK(shed_count(world) > 500);
  stuck.take_all();
  Seen saw;
  saw.add(stuck.heard());
  CHECK(saw.is_whole);
  CHECK(saw.next == 2'001);
}

TEST_CASE("answers and direct mail are never shed", "[gateway]") {
  GatewayWorld world(with_budget());
  auto desk = world.dealer();
  auto feed = world.dealer();
  desk.say("HELLO v=1 name=desk");
  (void)desk.heard();
  desk.take_only(0);
  desk.say("PING x");
  for (int i = 0; i < 400; ++i) feed.say("SEND desk\n" + std::string(1'000, 'x'));
  CHECK(world.counters.clients.bytes > budget);
  CHECK(world.counters.sheds.get() > 0);
  CHECK(shed_count(world) == 0);
  desk.take_all();
  CHECK(desk.heard().size() == 401);
  CHECK(world.counters.clients.bytes == 0);
}

TEST_CASE("a subscription that would rather end than lose ends its session", "[gateway]") {
  GatewayWorld world(with_budget());
  auto stuck = world.dealer();
  auto feed = world.dealer();
  stuck.say("HELLO v=1 name=strict");
  stuck.say("SUB a id=1 over=kick");
  (void)stuck.heard();
  stuck.take_only(0);
  for (int i = 0; i < 300; ++i) feed.say("PUB a\n" + std::string(1'000, 'x'));
  CHECK(world.events.has("ended strict slow_consumer"));
  CHECK(shed_count(world) == 0);
  stuck.take_all();
  CHECK(stuck.heard().back() == "BYE 429 slow_consumer");
  CHECK(world.counters.clients.bytes == 0);
  CHECK(world.stage.ledger().is_balanced());
}

TEST_CASE("each way to lose a message of a client is counted by its cause", "[gateway]") {
  auto options = GatewayWorld::default_options();
  options.limits.session_messages_max = 2;
  GatewayWorld world(options);
  auto client = world.dealer();
  auto feed = world.dealer();
  for (const auto* line : {"SUB o id=1", "SUB n id=2 over=newest", "SUB c id=3 over=conflate"}) {
    client.say(line);
  }
  client.take_only(0);
  for (const auto* address : {"o", "n", "c"}) {
    for (int i = 0; i < 5; ++i) feed.say("PUB " + std::string(address) + "\nx");
  }
  const auto dropped = [&world](DropCause cause) {
    return world.counters.clients.dropped[static_cast<std::size_t>(cause)].load();
  };
  CHECK(dropped(DropCause::oldest) > 0);
  CHECK(dropped(DropCause::newest) > 0);
  CHECK(dropped(DropCause::conflated) > 0);
  client.leave();
  CHECK(dropped(DropCause::ended) > 0);
  const auto ledger = world.stage.ledger();
  std::uint64_t sum = 0;
  for (const auto& count : world.counters.clients.dropped) sum += count;
  CHECK(sum == ledger.dropped_total());
}

}  // namespace
}  // namespace backstage::gateway::test
