// The worker pool: real threads, many senders, timers; the ledger closes.
#include <array>
#include <atomic>
#include <thread>

#include "core/worker_pool.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/live.hpp"

using namespace backstage;
using namespace backstage::test;

TEST_CASE("senders on several threads reach one actor, each in its own order", "[core][threads]") {
  constexpr int senders = 4;
  constexpr int messages = 5000;
  Countdown done(senders * messages);
  std::array<int, senders> last{};
  std::atomic<int> broken{0};
  Live live(2);
  live.type("t", [&](Context&, const Envelope& envelope) -> Outcome {
    const auto text = std::string(envelope.payload.text());
    const auto who = static_cast<std::size_t>(text[0] - '0');
    const int number = std::stoi(text.substr(1));
    if (number != last[who] + 1) ++broken;
    last[who] = number;
    done.hit();
    return Handled::done;
  });
  REQUIRE(live.engine.spawn({.type = "t", .name = "a"}));
  std::vector<std::thread> threads;
  threads.reserve(senders);
  for (int who = 0; who < senders; ++who) {
    threads.emplace_back([&live, who] {
      for (int i = 1; i <= messages; ++i) {
        const auto text = std::to_string(who) + std::to_string(i);
        while (!live.engine.send("a", {{}, Payload(text)})) std::this_thread::yield();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(done.wait());
  CHECK(broken == 0);
  live.pool.stop();
  CHECK(live.engine.stats().ledger.is_balanced());
}

TEST_CASE("requests, publishes, restarts and stops on threads leave a balanced ledger",
          "[core][threads]") {
  constexpr int rounds = 400;
  Countdown done(rounds);
  Live live(3);
  live.type("server", [](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.kind != Kind::request) return Handled::done;
    if (envelope.payload.text() == "13") return std::unexpected(Failure{"unlucky"});
    (void)context.publish("done", {{}, envelope.payload}, {true});
    (void)context.reply(envelope.request_ref(), {{}, envelope.payload});
    return Handled::done;
  });
  live.type("asker", [&](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.kind == Kind::send) {
      const auto server = context.resolve("server");
      if (!server || !context.request(*server, {{}, envelope.payload}, 30s)) done.hit();
    }
    if (envelope.kind == Kind::reply) done.hit();
    return Handled::done;
  });
  REQUIRE(live.engine.spawn({.type = "server", .name = "server"}));
  for (int i = 0; i < 4; ++i) {
    REQUIRE(live.engine.spawn({.type = "asker", .name = "asker" + std::to_string(i)}));
  }
  for (int i = 0; i < rounds; ++i) {
    const auto number = std::to_string(i);
    REQUIRE(live.engine.send("asker" + std::to_string(i % 4), {{}, Payload(number)}));
  }
  CHECK(done.wait());
  live.engine.close_intake();
  live.engine.stop_all();
  for (int i = 0; i < 100'000 && live.engine.hosted_actors() != 0; ++i) std::this_thread::yield();
  live.pool.stop();
  CHECK(live.engine.stats().ledger.is_balanced());
}

TEST_CASE("what was spawned and sent before the pool starts is run once it does",
          "[core][threads]") {
  Countdown done(300);
  MonotonicClock clock;
  WorkerPool pool(clock);
  NoFaults faults;
  Silent observer;
  Engine engine({clock, pool, pool, faults, observer}, {});
  const Act hit = [&done](Context&, const Envelope&) -> Outcome {
    done.hit();
    return Handled::done;
  };
  ActorType dropping;
  dropping.overflow = Overflow::drop_oldest;
  add_type(engine, "plain", hit, {});
  add_type(engine, "dropping", hit, std::move(dropping));
  for (const auto* name : {"plain", "dropping"}) {
    REQUIRE(engine.spawn({.type = name, .name = name}));
    for (int i = 0; i < 100; ++i) REQUIRE(engine.send(name, {{}, Payload("early")}));
  }
  pool.start(2, [&engine](TimePoint now) { return engine.fire_due(now); });
  for (int i = 0; i < 100; ++i) REQUIRE(engine.send("plain", {{}, Payload("late")}));
  CHECK(done.wait());
  pool.stop();
  CHECK(engine.stats().ledger.is_balanced());
}

TEST_CASE("a timer set by a running actor wakes an idle pool", "[core][threads]") {
  Countdown done(3);
  Live live(2);
  live.type("t", [&](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.kind == Kind::send) {
      if (!context.set_timer(1ms, 1ms)) return std::unexpected(Failure{"no timer"});
    } else {
      done.hit();
    }
    return Handled::done;
  });
  REQUIRE(live.engine.spawn({.type = "t", .name = "a"}));
  REQUIRE(live.engine.send("a", {{}, Payload("go")}));
  CHECK(done.wait());
}

TEST_CASE("a timer fires on time while the worker that fired the last one runs a long handler",
          "[core][threads]") {
  Countdown blocked(1);
  Countdown fired(2);
  Live live(2);
  live.type("t", [&](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.kind == Kind::send) {
      for (const auto delay : {1ms, 20ms}) {
        if (!context.set_timer(delay)) return std::unexpected(Failure{"no timer"});
      }
      return Handled::done;
    }
    fired.hit();
    return Handled::done;
  });
  live.type("blocker", [&](Context&, const Envelope&) -> Outcome {
    return blocked.wait() ? Outcome(Handled::done) : std::unexpected(Failure{"hung"});
  });
  REQUIRE(live.engine.spawn({.type = "t", .name = "a"}));
  REQUIRE(live.engine.spawn({.type = "blocker", .name = "b"}));
  REQUIRE(live.engine.send("a", {{}, Payload("go")}));
  REQUIRE(live.engine.send("b", {{}, Payload("block")}));
  CHECK(fired.wait());
  blocked.hit();
}

TEST_CASE("a name asked for by many threads at once is activated once", "[core][threads]") {
  Countdown done(400);
  Live live(2);
  live.type("t", [&](Context&, const Envelope&) -> Outcome {
    done.hit();
    return Handled::done;
  });
  REQUIRE(live.engine.add_activation({"x:{1}", "t", std::nullopt, {}, 0, ""}));
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&live] {
      for (int k = 0; k < 100; ++k) {
        (void)live.engine.send("x:" + std::to_string(k), {{}, Payload("hello")});
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(done.wait());
  CHECK(live.engine.hosted_actors() == 100);
}

TEST_CASE("actors that are stolen and given back hear every publish, in order", "[core][threads]") {
  constexpr std::size_t subscribers = 400;
  constexpr std::uint64_t burst = 100;
  constexpr std::uint64_t rounds = 20;
  Countdown done(1);
  std::array<std::uint64_t, subscribers> last{};
  std::atomic<int> broken{0};
  Live live(2);
  live.type("hearer", [&](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.kind == Kind::send) {
      if (!context.subscribe(*Pattern::parse("teller"), {})) ++broken;
      if (!context.send("teller", {"ready", {}})) ++broken;
      return Handled::done;
    }
    auto& mine = last[std::stoul(std::string(context.name().substr(1)))];
    if (envelope.seq != std::exchange(mine, envelope.seq) + 1) ++broken;
    if (mine % burst == 0 && !context.send("teller", {"heard", {}})) ++broken;
    return Handled::done;
  });
  std::size_t answers = 0;
  std::uint64_t told = 0;
  live.type("teller", [&](Context& context, const Envelope&) -> Outcome {
    if (++answers < subscribers) return Handled::done;
    answers = 0;
    if (told == burst * rounds) {
      done.hit();
      return Handled::done;
    }
    // A turn of some milliseconds, behind which those that it wakes wait: they are stolen.
    for (std::uint64_t i = 0; i < burst; ++i, ++told) {
      if (!context.publish("", {{}, Payload("extra")})) ++broken;
    }
    return Handled::done;
  });
  REQUIRE(live.engine.spawn({.type = "teller", .name = "teller"}));
  for (std::size_t i = 0; i < subscribers; ++i) {
    const auto name = "h" + std::to_string(i);
    REQUIRE(live.engine.spawn({.type = "hearer", .name = name}));
    REQUIRE(live.engine.send(name, {{}, Payload("go")}));
  }
  CHECK(done.wait());
  CHECK(broken == 0);
  live.pool.stop();
  CHECK(live.engine.stats().ledger.is_balanced());
}
