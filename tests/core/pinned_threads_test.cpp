// Pinned actors: a thread of their own for life, a limit, blocking that is nobody else's.
#include "core/pinned_threads.hpp"

#include <algorithm>
#include <mutex>
#include <set>

#include "tests/support/catch.hpp"
#include "tests/support/live.hpp"

using namespace backstage;
using namespace backstage::test;

namespace {

// On which threads an actor was run.
class Threads {
 public:
  void note() {
    const std::lock_guard lock(mutex_);
    seen_.insert(std::this_thread::get_id());
  }
  [[nodiscard]] std::set<std::thread::id> seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  std::mutex mutex_;
  std::set<std::thread::id> seen_;
};

}  // namespace

TEST_CASE("a pinned actor runs on one thread of its own for its whole life, restarts included",
          "[core][threads][pinned]") {
  constexpr int messages = 300;
  // Each actor fails at one of them.
  constexpr std::uint64_t handled = std::uint64_t{messages - 1} * 2;
  std::array<Threads, 2> threads;
  Countdown done(2 * messages);
  Overseen stage(2);
  stage.type(
      "p",
      [&](Context& context, const Envelope& envelope) -> Outcome {
        static thread_local int turns_here = 0;
        threads[context.name() == "a" ? 0U : 1U].note();
        done.hit();
        if (++turns_here == messages / 2) return std::unexpected(Failure{"once"});
        if (envelope.payload.text() != std::to_string(turns_here)) {
          return std::unexpected(Failure{"another thread's count"});
        }
        return Handled::done;
      },
      Dispatcher::pinned);
  for (const char* name : {"a", "b"}) {
    REQUIRE(stage.engine.spawn({.type = "p", .name = name}));
    for (int i = 1; i <= messages; ++i) {
      REQUIRE(stage.engine.send(name, {{}, Payload(std::to_string(i))}));
    }
  }
  // The restart's timer is due by this clock, not by the wall's.
  CHECK(comes_true([&] {
    stage.clock.advance(1s);
    stage.pool.wake_at(stage.clock.now());
    return stage.engine.is_quiet() && stage.engine.stats().ledger.handled >= handled;
  }));
  CHECK(done.wait());
  CHECK(threads[0].seen().size() == 1);
  CHECK(threads[1].seen().size() == 1);
  CHECK(threads[0].seen() != threads[1].seen());
  CHECK_FALSE(threads[0].seen().contains(std::this_thread::get_id()));
  CHECK(stage.engine.stats().ledger.dead_lettered == 2);
}

TEST_CASE("the thread of a pinned actor ends with it", "[core][threads][pinned]") {
  Overseen stage(1);
  stage.type(
      "p", [](Context&, const Envelope&) -> Outcome { return Handled::stop; }, Dispatcher::pinned);
  CHECK(stage.pinned.threads() == 0);
  REQUIRE(stage.engine.spawn({.type = "p", .name = "a"}));
  CHECK(stage.pinned.threads() == 1);
  REQUIRE(stage.engine.send("a", {{}, Payload("x")}));
  CHECK(comes_true([&] { return stage.pinned.threads() == 0; }));
}

TEST_CASE("over the limit a pinned spawn is refused, until one of them has ended",
          "[core][threads][pinned]") {
  Overseen stage(1, 16, 2);
  stage.type(
      "p", [](Context&, const Envelope&) -> Outcome { return Handled::stop; }, Dispatcher::pinned);
  const auto a = stage.engine.spawn({.type = "p", .name = "a"});
  REQUIRE(a);
  REQUIRE(stage.engine.spawn({.type = "p", .name = "b"}));
  CHECK(stage.engine.spawn({.type = "p", .name = "c"}).error() == Errc::threads_full);
  CHECK(stage.engine.send("c", {{}, Payload("x")}).error() == Errc::no_actor);
  // One that lives already needs no thread.
  const auto again = stage.engine.spawn({.type = "p", .name = "a"});
  REQUIRE(again);
  CHECK(again->existed);
  CHECK(again->id == a->id);
  REQUIRE(stage.engine.send("a", {{}, Payload("x")}));
  CHECK(comes_true([&] { return stage.pinned.threads() == 1; }));
  CHECK(stage.engine.spawn({.type = "p", .name = "c"}));
  CHECK(stage.pinned.threads() == 2);
}

TEST_CASE("an activation that finds no thread is refused and does not use its rule up",
          "[core][threads][pinned]") {
  Overseen stage(1, 16, 1);
  stage.type(
      "p", [](Context&, const Envelope&) -> Outcome { return Handled::stop; }, Dispatcher::pinned);
  REQUIRE(stage.engine.add_activation({"x:{1}", "p", std::nullopt, {}, 2, ""}));
  REQUIRE(stage.engine.spawn({.type = "p", .name = "a"}));
  for (int i = 0; i < 5; ++i) {
    CHECK(stage.engine.send("x:1", {{}, Payload("x")}).error() == Errc::threads_full);
  }
  REQUIRE(stage.engine.send("a", {{}, Payload("x")}));
  REQUIRE(comes_true([&] { return stage.pinned.threads() == 0; }));
  CHECK(stage.engine.send("x:1", {{}, Payload("x")}));
}

TEST_CASE("a spawn the engine refuses gives its thread back", "[core][threads][pinned]") {
  SharedClock clock;
  WorkerPool pool(clock);
  PinnedThreads pinned(clock, 8);
  NoFaults faults;
  Silent observer;
  Limits limits;
  limits.actors_max = 1;
  Engine engine({clock, pool, pool, faults, observer, 0, &pinned}, limits);
  ActorType type;
  type.dispatcher = Dispatcher::pinned;
  const auto act = [](Context&, const Envelope&) -> Outcome { return Handled::done; };
  add_type(engine, "p", act, std::move(type));
  REQUIRE(engine.spawn({.type = "p", .name = "a"}));
  CHECK(engine.spawn({.type = "p", .name = "b"}).error() == Errc::actors_full);
  CHECK(comes_true([&] { return pinned.threads() == 1; }));
  pinned.stop();
}

TEST_CASE("a pinned actor that blocks holds no worker and is told of as hung",
          "[core][threads][pinned]") {
  Gate gate;
  Countdown answered(100);
  Overseen stage(1, 0);
  stage.type("p", gate.act(), Dispatcher::pinned);
  stage.type("neighbour", [&](Context&, const Envelope&) -> Outcome {
    answered.hit();
    return Handled::done;
  });
  REQUIRE(stage.engine.spawn({.type = "p", .name = "pin"}));
  REQUIRE(stage.engine.spawn({.type = "neighbour", .name = "n"}));
  REQUIRE(stage.engine.send("pin", {{}, Payload("x")}));
  REQUIRE(gate.wait_for_entered(1));
  for (int i = 0; i < 100; ++i) REQUIRE(stage.engine.send("n", {{}, Payload("x")}));
  CHECK(answered.wait());
  // The neighbour's last turn must not be one that time passes over.
  REQUIRE(comes_true([&] { return stage.pool.pulse().is_idle; }));
  stage.pass(1s);
  stage.pass(1s);
  const auto hung = stage.record.hung();
  REQUIRE(hung.size() == 1);
  CHECK(hung[0].actor == "pin");
  CHECK(hung[0].is_pinned);
  CHECK(stage.record.shortages().empty());
  CHECK(stage.pool.threads() == 1);
  gate.open();
  CHECK(comes_true([&] {
    stage.overseer.look();
    return stage.record.returned().size() == 1;
  }));
}

TEST_CASE("the end does not wait for a pinned actor that blocks, and names it",
          "[core][threads][pinned]") {
  Gate gate;
  Overseen stage(1);
  stage.type("p", gate.act(), Dispatcher::pinned);
  REQUIRE(stage.engine.spawn({.type = "p", .name = "pin"}));
  REQUIRE(stage.engine.spawn({.type = "p", .name = "idle"}));
  REQUIRE(stage.engine.send("pin", {{}, Payload("x")}));
  REQUIRE(gate.wait_for_entered(1));
  REQUIRE(comes_true([&] { return stage.pinned.stop(1ms).size() == 1; }));
  const auto hanging = stage.pinned.stop(1ms);
  REQUIRE(hanging.size() == 1);
  CHECK(hanging[0].actor == "pin");
  CHECK(hanging[0].is_pinned);
  CHECK(stage.engine.spawn({.type = "p", .name = "late"}).error() == Errc::threads_full);
  gate.open();
  CHECK(comes_true([&] { return stage.pinned.stop(1ms).empty(); }));
}

TEST_CASE("pinned and pooled actors that come, talk, fail and go leave a balanced ledger",
          "[core][threads][pinned]") {
  constexpr int rounds = 300;
  Overseen stage(2);
  const auto act = [](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.kind == Kind::request) {
      (void)context.reply(envelope.request_ref(), {{}, envelope.payload});
      return Handled::done;
    }
    const auto peer = context.resolve(context.name() == "pool" ? "pin" : "pool");
    if (peer) (void)context.request(*peer, {{}, envelope.payload}, 1h);
    if (envelope.payload.text() == "stop") return Handled::stop;
    return Handled::done;
  };
  stage.type("p", act, Dispatcher::pinned);
  stage.type("t", act);
  for (int i = 0; i < rounds; ++i) {
    (void)stage.engine.spawn({.type = "p", .name = "pin"});
    (void)stage.engine.spawn({.type = "t", .name = "pool"});
    for (const char* name : {"pin", "pool"}) {
      (void)stage.engine.send(name, {{}, Payload(i % 10 == 9 ? "stop" : "go")});
    }
    if (i % 50 == 0) stage.pass(1s);
  }
  stage.engine.close_intake();
  stage.engine.stop_all();
  CHECK(comes_true([&] { return stage.engine.hosted_actors() == 0; }));
  CHECK(comes_true([&] { return stage.pinned.threads() == 0; }));
  stage.pool.stop();
  CHECK(stage.engine.stats().ledger.is_balanced());
}
