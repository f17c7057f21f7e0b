// Chaos on real threads: restarts, kills, overflows and timeouts at random; the ledger closes.
//
// The simulator finds what goes wrong in some order of turns; this finds what goes wrong between
// two instructions. It is worth most under ThreadSanitizer and AddressSanitizer.
#include <atomic>
#include <random>
#include <thread>

#include "core/engine.hpp"
#include "core/worker_pool.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/live.hpp"

using namespace backstage;

namespace {

constexpr int names = 12;
constexpr std::uint64_t handled_min = 5000;

// Throws its own dice: a turn is one thread at a time, so they need no lock.
class Wild final : public Actor {
 public:
  explicit Wild(std::uint64_t seed) : dice_(seed) {}

  Outcome receive(Context& context, const Envelope& envelope) override {
    switch (below(16)) {
      case 0:
        return std::unexpected(Failure{"dice"});
      case 1:
        return below(8) == 0 ? Handled::stop : Handled::done;
      case 2:
        (void)context.publish("out", {{}, Payload("published")}, {below(4) == 0});
        break;
      case 3:
        (void)context.set_timer(std::chrono::microseconds(below(2000)));
        break;
      case 4:
        (void)context.subscribe(*Pattern::parse(below(2) == 0 ? "*/out" : any_name() + "/>"),
                                {Overflow::reject, below(2) == 0});
        break;
      case 5:
        if (const auto to = context.resolve(any_name())) (void)context.monitor(*to);
        break;
      case 6:
        (void)context.spawn({.type = "wild", .name = any_name(), .as_child = true});
        break;
      case 7:
        stop_other(context);
        break;
      case 8:
      case 9:
        ask(context);
        break;
      default:
        if (envelope.kind == Kind::request && below(3) != 0) {
          (void)context.reply(envelope.request_ref(), {{}, Payload("answer")});
        } else {
          (void)context.send(any_name(), {{}, Payload("sent on")});
        }
    }
    return Handled::done;
  }
  void ended(Context& context, EndReason) noexcept override {
    (void)context.publish("out", {{}, Payload("last words")});
  }

 private:
  std::uint32_t below(std::uint32_t sides) { return static_cast<std::uint32_t>(dice_() % sides); }
  std::string any_name() { return "w:" + std::to_string(below(names)); }
  void ask(Context& context) {
    const auto to = context.resolve(any_name());
    if (!to) return;
    RequestOptions options;
    options.deadline = std::chrono::microseconds(1 + below(3000));
    options.fail_fast = below(2) == 0;
    (void)context.request(*to, {"ask", {}}, options);
  }
  void stop_other(Context& context) {
    if (below(6) != 0) return;
    if (const auto to = context.resolve(any_name())) {
      (void)context.stop(*to, static_cast<StopVerb>(below(3)), std::chrono::milliseconds(below(5)));
    }
  }
  std::mt19937_64 dice_;
};

class WildFactory final : public ActorFactory {
 public:
  std::expected<std::unique_ptr<Actor>, Failure> create(Context&, std::string_view) override {
    const auto seed = made_.fetch_add(1) + 1;
    if (seed % 13 == 0) return std::unexpected(Failure{"dice"});
    return std::make_unique<Wild>(seed);
  }

 private:
  std::atomic<std::uint64_t> made_{0};
};

ActorType wild_type(Strategy strategy) {
  ActorType type;
  type.name = "wild";
  type.factory = std::make_shared<WildFactory>();
  type.mailbox = {64, 4096};
  type.supervision.strategy = strategy;
  type.supervision.intensity = 8;
  type.supervision.period = 20ms;
  type.supervision.retries = 1;
  type.supervision.backoff_min = 100us;
  type.supervision.backoff_max = 2ms;
  return type;
}

// From outside: mail, unparking, and now and then a kill; until enough has been handled.
void disturb(Engine& engine, std::uint64_t seed) {
  std::mt19937_64 dice(seed);
  for (int i = 0; i < 1'000'000; ++i) {
    if (i % 64 == 0) {
      std::this_thread::yield();
      if (engine.stats().ledger.handled > handled_min) return;
    }
    const auto name = "w:" + std::to_string(dice() % names);
    (void)engine.send(name, {{}, Payload("from outside")}, "outside");
    if (dice() % 16 == 0) {
      (void)engine.publish(*Address::join(name, "out"), {{}, Payload("p")}, "outside");
    }
    if (const auto id = engine.find(name); id && dice() % 32 == 0) {
      (void)engine.unpark(*id);
      if (dice() % 4 == 0) (void)engine.stop(*id, static_cast<StopVerb>(dice() % 3), 1ms);
    }
  }
}

}  // namespace

TEST_CASE("the ledger closes after chaos on threads, whatever the strategy", "[core][threads]") {
  const auto strategy =
      GENERATE(Strategy::one_for_one, Strategy::one_for_all, Strategy::rest_for_one);
  MonotonicClock clock;
  WorkerPool pool(clock);
  NoFaults faults;
  test::Silent observer;
  Engine engine({clock, pool, pool, faults, observer, 7}, {});
  REQUIRE(engine.add_type(wild_type(strategy)));
  REQUIRE(engine.add_activation({"w:{1}", "wild", *Pattern::parse("w:0/*"), 5ms, 40, ""}));
  pool.start(3, [&](TimePoint now) { return engine.fire_due(now); });
  std::thread other([&] { disturb(engine, 1); });
  disturb(engine, 2);
  other.join();
  engine.close_intake();
  // Actors go on spawning nothing, but restart and answer: the end must come all the same.
  const TimePoint give_up = clock.now() + 60s;
  while (engine.hosted_actors() != 0 && clock.now() < give_up) {
    engine.stop_all();
    std::this_thread::yield();
  }
  CHECK(engine.hosted_actors() == 0);
  pool.stop();
  const auto stats = engine.stats();
  CHECK(stats.ledger.is_balanced());
  CHECK(stats.ledger.queued == 0);
  CHECK(stats.ledger.running == 0);
  CHECK(stats.ledger.handled > handled_min);
  CHECK(stats.subscriptions == 0);
  CHECK(stats.timers == 0);
  CHECK(stats.activated == 0);
}
