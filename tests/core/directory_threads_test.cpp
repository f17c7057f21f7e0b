// Actors that come and go on several threads: names, counts and slots, and what others see of them.
#include <atomic>
#include <thread>

#include "core/engine.hpp"
#include "core/worker_pool.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/live.hpp"

using namespace backstage;

namespace {

// Lives for one message.
class Mayfly final : public Actor {
 public:
  Outcome receive(Context&, const Envelope&) override { return Handled::stop; }
  void ended(Context&, EndReason) noexcept override {}
};

class MayflyFactory final : public ActorFactory {
 public:
  std::expected<std::unique_ptr<Actor>, Failure> create(Context&, std::string_view) override {
    return std::make_unique<Mayfly>();
  }
};

struct Workers {
  explicit Workers(Limits limits) : engine({clock, pool, pool, faults, observer, 7}, limits) {
    for (const char* name : {"mayfly", "other"}) {
      ActorType type;
      type.name = name;
      type.factory = std::make_shared<MayflyFactory>();
      if (!engine.add_type(std::move(type))) FAIL("no type");
    }
    pool.start(2, [this](TimePoint now) { return engine.fire_due(now); });
  }
  bool wait_until_empty() {
    const TimePoint give_up = clock.now() + 60s;
    while (engine.hosted_actors() != 0 && clock.now() < give_up) std::this_thread::yield();
    return engine.hosted_actors() == 0;
  }

  MonotonicClock clock;
  WorkerPool pool{clock};
  NoFaults faults;
  test::Silent observer;
  Engine engine;
};

constexpr int lives = 3'000;

// A name's holder gets one message; some names are taken by several threads at a time.
std::uint64_t live_and_die(Engine& engine, const std::string& type, const std::string& prefix) {
  std::uint64_t sent = 0;
  for (int i = 0; i < lives; ++i) {
    const std::string name =
        i % 8 == 0 ? "shared." + std::to_string(i % 64) : prefix + std::to_string(i);
    const auto spawned = engine.spawn({.type = type, .name = name, .config = "c"});
    if (spawned && engine.send(spawned->id, {{}, Payload("end")})) ++sent;
  }
  return sent;
}

// What is seen of an actor fits together, whichever life of its slot it is.
void look(const Engine& engine, const std::atomic<bool>& is_over, std::atomic<int>& wrong) {
  while (!is_over) {
    for (const ActorInfo& info : engine.actors()) {
      const bool is_shared = info.name.starts_with("shared.");
      const bool fits = info.name.starts_with(info.type == "mayfly" ? "m." : "o.");
      if (!is_shared && !fits) ++wrong;
      const auto facts = engine.explain(info.name);
      if (facts.is_living && facts.type != "mayfly" && facts.type != "other") ++wrong;
    }
    if (engine.find("m.nobody")) ++wrong;
  }
}

}  // namespace

TEST_CASE("actors that come and go on several threads are counted once each", "[core][threads]") {
  Workers world({});
  std::atomic<bool> is_over = false;
  std::atomic<int> wrong = 0;
  std::atomic<std::uint64_t> sent = 0;
  std::thread looker([&] { look(world.engine, is_over, wrong); });
  std::thread other([&] { sent += live_and_die(world.engine, "other", "o."); });
  sent += live_and_die(world.engine, "mayfly", "m.");
  other.join();
  CHECK(world.wait_until_empty());
  is_over = true;
  looker.join();
  world.pool.stop();
  CHECK(wrong == 0);
  const auto stats = world.engine.stats();
  CHECK(stats.actors == 0);
  CHECK(world.engine.actors().empty());
  CHECK(stats.ledger.is_balanced());
  // One that ends may leave a message of another thread behind: that is a dead letter.
  CHECK(stats.ledger.handled + stats.ledger.dead_lettered == sent);
  CHECK(stats.ledger.queued == 0);
}

TEST_CASE("a message that comes while its actor ends is refused or counted, never left queued",
          "[core][threads]") {
  Workers world({});
  std::atomic<std::uint64_t> target = 0;
  std::atomic<bool> is_over = false;
  std::atomic<std::uint64_t> sent = 0;
  // They send to whoever lives now, and go on until well after its end.
  const auto shout = [&] {
    while (!is_over) {
      const std::uint64_t seen = target.load();
      const ActorId id{static_cast<std::uint32_t>(seen), static_cast<std::uint32_t>(seen >> 32U)};
      if (world.engine.send(id, {{}, Payload("end")})) {
        ++sent;
      } else {
        std::this_thread::yield();
      }
    }
  };
  std::thread first(shout);
  std::thread second(shout);
  constexpr int fewer_lives = 500;
  for (int i = 0; i < fewer_lives; ++i) {
    const auto spawned = world.engine.spawn({.type = "mayfly", .name = "m." + std::to_string(i)});
    REQUIRE(spawned);
    target = std::uint64_t{spawned->id.generation} << 32U | spawned->id.slot;
    const auto is_gone = [&] { return !world.engine.find("m." + std::to_string(i)); };
    while (!is_gone()) std::this_thread::yield();
  }
  is_over = true;
  first.join();
  second.join();
  CHECK(world.wait_until_empty());
  world.pool.stop();
  const auto ledger = world.engine.stats().ledger;
  CHECK(ledger.is_balanced());
  CHECK(ledger.handled + ledger.dead_lettered == sent);
  CHECK(ledger.queued == 0);
}

TEST_CASE("slots that other threads gave back can all be taken again", "[core][threads]") {
  constexpr std::uint32_t max = 1'000;
  Workers world(Limits{.actors_max = max});
  for (int round = 0; round < 5; ++round) {
    // They end on the workers; the next round's are spawned here, and on one more thread.
    std::atomic<std::uint32_t> opened = 0;
    const auto fill = [&](const std::string& prefix) {
      for (std::uint32_t i = 0; i < max; ++i) {
        const auto spawned =
            world.engine.spawn({.type = "mayfly", .name = prefix + std::to_string(i)});
        if (spawned) ++opened;
      }
    };
    std::thread other([&] { fill("m.other."); });
    fill("m.");
    other.join();
    CHECK(opened == max);
    for (const ActorInfo& info : world.engine.actors()) {
      CHECK(world.engine.send(info.id, {{}, Payload("end")}));
    }
    REQUIRE(world.wait_until_empty());
  }
  world.pool.stop();
  CHECK(world.engine.stats().ledger.handled == std::uint64_t{5} * max);
}
