// Hung turns: told of once, stood in for by a spare worker, given up by name at the end.
#include "core/hung_turn.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/live.hpp"

using namespace backstage;
using namespace backstage::test;

namespace {

void send(Engine& engine, std::string_view to) { REQUIRE(engine.send(to, {{}, Payload("x")})); }

Act hitting(Countdown& countdown) {
  return [&countdown](Context&, const Envelope&) -> Outcome {
    countdown.hit();
    return Handled::done;
  };
}

}  // namespace

TEST_CASE("a turn over its budget is told of once, by name, type and message kind",
          "[core][threads][hung]") {
  Gate gate;
  Overseen stage(1);
  stage.type("blocker", gate.act());
  REQUIRE(stage.engine.spawn({.type = "blocker", .name = "b"}));
  send(stage.engine, "b");
  REQUIRE(gate.wait_for_entered(1));
  stage.pass(999ms);
  CHECK(stage.record.hung().empty());
  stage.pass(1ms);
  stage.pass(10s);
  const auto hung = stage.record.hung();
  REQUIRE(hung.size() == 1);
  CHECK(hung[0].actor == "b");
  CHECK(hung[0].type == "blocker");
  CHECK(hung[0].doing == "send");
  CHECK(hung[0].lasting == 1s);
  CHECK_FALSE(hung[0].is_pinned);
  CHECK(stage.record.returned().empty());
  gate.open();
  CHECK(comes_true([&] {
    stage.overseer.look();
    return !stage.record.returned().empty();
  }));
  CHECK(stage.record.returned()[0].actor == "b");
  CHECK(stage.record.returned()[0].lasting == 11s);
}

TEST_CASE("a second turn of the same actor over its budget is told of again",
          "[core][threads][hung]") {
  Gate first;
  Gate second;
  std::atomic<int> turns{0};
  Overseen stage(1);
  stage.type("blocker", [&](Context& context, const Envelope& envelope) {
    return ++turns == 1 ? first(context, envelope) : second(context, envelope);
  });
  REQUIRE(stage.engine.spawn({.type = "blocker", .name = "b"}));
  send(stage.engine, "b");
  REQUIRE(first.wait_for_entered(1));
  stage.pass(1s);
  first.open();
  REQUIRE(comes_true([&] { return stage.engine.is_quiet(); }));
  send(stage.engine, "b");
  REQUIRE(second.wait_for_entered(1));
  stage.pass(1s);
  CHECK(stage.record.hung().size() == 2);
  second.open();
}

TEST_CASE("with one worker, an actor that blocks holds up nobody else", "[core][threads][hung]") {
  constexpr int messages = 1000;
  Gate gate;
  Countdown answered(messages);
  Overseen stage(1);
  stage.type("blocker", gate.act());
  stage.type("neighbour", hitting(answered));
  REQUIRE(stage.engine.spawn({.type = "blocker", .name = "b"}));
  REQUIRE(stage.engine.spawn({.type = "neighbour", .name = "n"}));
  send(stage.engine, "b");
  REQUIRE(gate.wait_for_entered(1));
  for (int i = 0; i < messages; ++i) send(stage.engine, "n");
  CHECK(stage.pool.threads() == 1);
  stage.pass(1s);
  CHECK(stage.pool.threads() == 2);
  CHECK(answered.wait());
  CHECK(stage.record.shortages().empty());
  gate.open();
}

TEST_CASE("once hung turns have ended the pool is back to as many workers as were asked for",
          "[core][threads][hung]") {
  constexpr int blockers = 5;
  Gate gate;
  Countdown answered(1);
  Overseen stage(2);
  stage.type("blocker", gate.act());
  stage.type("neighbour", hitting(answered));
  for (int i = 0; i < blockers; ++i) {
    REQUIRE(stage.engine.spawn({.type = "blocker", .name = "b" + std::to_string(i)}));
    send(stage.engine, "b" + std::to_string(i));
    // As the one before hangs, its spare is there for this one.
    REQUIRE(gate.wait_for_entered(i + 1));
    stage.pass(1s);
  }
  CHECK(stage.pool.threads() == blockers + 2);
  gate.open();
  CHECK(comes_true([&] { return stage.pool.threads() == 2; }));
  REQUIRE(stage.engine.spawn({.type = "neighbour", .name = "n"}));
  send(stage.engine, "n");
  CHECK(answered.wait());
  stage.overseer.look();
  CHECK(stage.record.returned().size() == blockers);
  CHECK(comes_true([&] { return stage.record.threads() == blockers + 2; }));
}

TEST_CASE("more hung turns than there may be spare workers are told of once, and heal",
          "[core][threads][hung]") {
  Gate gate;
  Countdown answered(2);
  Overseen stage(1, 1);
  stage.type("blocker", gate.act());
  stage.type("neighbour", hitting(answered));
  for (const char* name : {"a", "b"}) {
    REQUIRE(stage.engine.spawn({.type = "blocker", .name = name}));
    send(stage.engine, name);
  }
  REQUIRE(gate.wait_for_entered(1));
  stage.pass(1s);
  CHECK(stage.record.shortages().empty());
  REQUIRE(gate.wait_for_entered(2));
  stage.pass(1s);
  stage.pass(1s);
  CHECK(stage.record.hung().size() == 2);
  CHECK(stage.record.shortages() == HungRecord::Shortages{{0, 1}});
  CHECK(stage.pool.threads() == 2);
  REQUIRE(stage.engine.spawn({.type = "neighbour", .name = "n"}));
  send(stage.engine, "n");
  CHECK_FALSE(stage.pool.pulse().is_idle);
  gate.open();
  send(stage.engine, "n");
  CHECK(answered.wait());
  CHECK(comes_true([&] { return stage.pool.threads() == 1; }));
}

TEST_CASE("without spare workers a hung turn is told of all the same", "[core][threads][hung]") {
  Gate gate;
  Overseen stage(1, 0);
  stage.type("blocker", gate.act());
  REQUIRE(stage.engine.spawn({.type = "blocker", .name = "b"}));
  send(stage.engine, "b");
  REQUIRE(gate.wait_for_entered(1));
  stage.pass(1s);
  CHECK(stage.record.hung().size() == 1);
  CHECK(stage.record.shortages() == HungRecord::Shortages{{0, 1}});
  CHECK(stage.pool.threads() == 1);
  gate.open();
}

TEST_CASE("each type has its own budget, and zero is none", "[core][threads][hung]") {
  Gate gate;
  Overseen stage(2, 0);
  stage.type("patient", gate.act(), Dispatcher::pool, 1h);
  stage.type("free", gate.act(), Dispatcher::pool, 0s);
  for (const char* type : {"patient", "free"}) {
    REQUIRE(stage.engine.spawn({.type = type, .name = type}));
    send(stage.engine, type);
  }
  REQUIRE(gate.wait_for_entered(2));
  stage.pass(59min);
  CHECK(stage.record.hung().empty());
  stage.pass(1h);
  REQUIRE(stage.record.hung().size() == 1);
  CHECK(stage.record.hung()[0].actor == "patient");
  gate.open();
}

TEST_CASE("a hang in the making of an actor is told of with its phase", "[core][threads][hung]") {
  Gate gate;
  Overseen stage(1);
  class BlockingFactory final : public ActorFactory {
   public:
    explicit BlockingFactory(Gate& at) : at_(at) {}
    std::expected<std::unique_ptr<Actor>, Failure> create(Context& context,
                                                          std::string_view) override {
      (void)at_(context, Envelope{});
      return std::unexpected(Failure{"no more"});
    }

   private:
    Gate& at_;
  };
  ActorType slow;
  slow.name = "slow";
  slow.factory = std::make_shared<BlockingFactory>(gate);
  const auto added = stage.engine.add_type(std::move(slow));
  REQUIRE(added);
  REQUIRE(stage.engine.spawn({.type = "slow", .name = "s"}));
  REQUIRE(gate.wait_for_entered(1));
  stage.pass(1s);
  REQUIRE(stage.record.hung().size() == 1);
  CHECK(stage.record.hung()[0].doing == "starting");
  gate.open();
}

TEST_CASE("the overseer's own thread tells of a hung turn, and of the next after a rest",
          "[core][threads][hung]") {
  Gate gates[2];
  std::atomic<std::size_t> turns{0};
  Overseen stage(1);
  stage.type("blocker", [&](Context& context, const Envelope& envelope) {
    return gates[turns++](context, envelope);
  });
  stage.overseer.start(1ms);
  REQUIRE(stage.engine.spawn({.type = "blocker", .name = "b"}));
  for (std::size_t i = 0; i < 2; ++i) {
    send(stage.engine, "b");
    REQUIRE(gates[i].wait_for_entered(1));
    // The clock runs as fast as it is asked: the turn has its budget however late it is seen.
    CHECK(comes_true([&] {
      stage.clock.advance(1s);
      return stage.record.hung().size() == i + 1;
    }));
    gates[i].open();
    CHECK(comes_true([&] { return stage.record.returned().size() == i + 1; }));
    CHECK(comes_true([&] { return stage.pool.threads() == 1; }));
  }
  stage.overseer.stop();
}

TEST_CASE("the end does not wait for a turn that does not end, and names it",
          "[core][threads][hung]") {
  Gate gate;
  Overseen stage(2);
  stage.type("blocker", gate.act());
  REQUIRE(stage.engine.spawn({.type = "blocker", .name = "b"}));
  send(stage.engine, "b");
  REQUIRE(gate.wait_for_entered(1));
  auto hanging = stage.pool.stop(1ms);
  // On a busy machine that is too short for the thread that fires timers.
  std::erase_if(hanging, [](const HungTurn& turn) { return turn.doing == "timers"; });
  REQUIRE(hanging.size() == 1);
  CHECK(hanging[0].actor == "b");
  CHECK(hanging[0].type == "blocker");
  CHECK(hanging[0].doing == "send");
  gate.open();
  CHECK(comes_true([&] { return stage.pool.stop(1ms).empty(); }));
}

TEST_CASE("an actor's end within a turn leaves the watch with a name it may still read",
          "[core][threads][hung]") {
  constexpr int rounds = 2000;
  Overseen stage(2);
  stage.type("mayfly", [](Context&, const Envelope&) -> Outcome { return Handled::stop; });
  std::atomic<bool> is_over{false};
  // Looks go on all the time while names and slots come and go.
  std::thread looking([&] {
    while (!is_over) stage.pass(1s);
  });
  for (int i = 0; i < rounds; ++i) {
    const auto name = "m" + std::to_string(i % 7);
    if (stage.engine.spawn({.type = "mayfly", .name = name})) {
      (void)stage.engine.send(name, {{}, Payload("x")});
    }
  }
  stage.engine.stop_all();
  CHECK(comes_true([&] { return stage.engine.hosted_actors() == 0; }));
  is_over = true;
  looking.join();
  for (const auto& turn : stage.record.hung()) {
    CHECK(turn.actor.starts_with('m'));
    CHECK(turn.type == "mayfly");
  }
  stage.pool.stop();
  CHECK(stage.engine.stats().ledger.is_balanced());
}
