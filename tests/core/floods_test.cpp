// Floods: loops, timers and subscriptions by the million leave neighbours their turns and nothing
// behind.
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;
using Texts = std::vector<std::string>;

namespace {

// Five ways to keep oneself busy for ever; each is begun by a send.
Outcome send_again(Context& context, const Envelope&) {
  CHECK(context.send(context.self(), {}));
  return Handled::done;
}
Outcome send_twice_again(Context& context, const Envelope&) {
  for (int i = 0; i < 2; ++i) (void)context.send(context.self(), {});  // soon full: refused
  return Handled::done;
}
Outcome publish_again(Context& context, const Envelope&) {
  CHECK(context.subscribe(*Pattern::parse(std::string(context.name()))));
  CHECK(context.publish("", {}));
  return Handled::done;
}
Outcome set_timer_again(Context& context, const Envelope&) {
  CHECK(context.set_timer(Duration(0)));
  return Handled::done;
}
Outcome play_ball(Context& context, const Envelope&) {
  CHECK(context.send(context.name() == "loop" ? "partner" : "loop", {}));
  return Handled::done;
}

}  // namespace

TEST_CASE("whoever keeps itself busy for ever leaves its neighbour a turn of each round",
          "[core]") {
  const std::map<std::string, Handler> ways{{"sends", send_again},
                                            {"sends twice", send_twice_again},
                                            {"publishes", publish_again},
                                            {"sets timers", set_timer_again},
                                            {"plays ball", play_ball}};
  for (const auto& [way, handler] : ways) {
    CAPTURE(way);
    Stage stage;
    stage.type("loop", handler);
    const auto neighbour = stage.type("t");
    stage.spawn("loop", "loop");
    stage.spawn("loop", "partner");
    stage.spawn("t", "neighbour");
    CHECK(stage.send("loop", "go"));
    constexpr std::size_t rounds = 100;
    for (std::size_t round = 1; round <= rounds; ++round) {
      CHECK(stage.send("neighbour", "hello"));
      // A round: everyone who wants to has had a turn.
      for (int turns = 0; turns < 3; ++turns) {
        (void)stage.engine.fire_due(stage.clock.now());
        stage.step();
      }
      REQUIRE(neighbour->got.size() == round);
    }
    CHECK(stage.engine.stop(*stage.engine.find("loop"), StopVerb::kill));
    CHECK(stage.engine.stop(*stage.engine.find("partner"), StopVerb::kill));
    CHECK(stage.settle());
    CHECK(stage.ledger().is_balanced());
  }
}

TEST_CASE("a request to oneself is refused, not waited for", "[core]") {
  Stage stage;
  stage.type("t", [](Context& context, const Envelope&) -> Outcome {
    CHECK(context.request(context.self(), {}).error() == Errc::call_cycle);
    return Handled::done;
  });
  stage.spawn("t", "a");
  CHECK(stage.send("a", "go"));
  stage.settle();
  CHECK(stage.engine.stats().timers == 0);
}

namespace {

// Sets a million timers in one turn, cancels every other one, counts those that fire.
class Clockwork final : public Actor {
 public:
  struct Count {
    std::uint32_t set = 0;
    std::uint32_t cancelled = 0;
    std::uint32_t fired = 0;
    std::uint32_t wrong = 0;  // fired twice, or although it was cancelled
    std::optional<Errc> over;
  };
  static constexpr std::uint32_t total = 1'000'000;

  explicit Clockwork(Count& count) : count_(count), is_due_(total + 1, false) {}

  Outcome receive(Context& context, const Envelope& envelope) override {
    if (envelope.kind == Kind::send) {
      wind_up(context);
      return Handled::done;
    }
    const auto id = static_cast<std::size_t>(envelope.timer);
    ++count_.fired;
    if (!is_due_.at(id)) ++count_.wrong;
    is_due_.at(id) = false;
    return Handled::done;
  }
  void ended(Context&, EndReason) noexcept override {}

 private:
  void wind_up(Context& context) {
    for (std::uint32_t i = 0; i < total; ++i) {
      const auto id = context.set_timer(Duration(1ms) * (i / 1'000U * 7U % 1'000U));
      if (!id) return;
      ++count_.set;
      is_due_.at(static_cast<std::size_t>(*id)) = true;
    }
    const auto one_more = context.set_timer(1s);
    if (!one_more) count_.over = one_more.error();
    for (std::uint32_t i = 1; i <= total; i += 2) {
      if (!context.cancel_timer(TimerId{i})) continue;
      ++count_.cancelled;
      is_due_.at(i) = false;
    }
  }

  Count& count_;
  std::vector<bool> is_due_;
};

class ClockworkFactory final : public ActorFactory {
 public:
  explicit ClockworkFactory(Clockwork::Count& count) : count_(count) {}
  std::expected<std::unique_ptr<Actor>, Failure> create(Context&, std::string_view) override {
    return std::make_unique<Clockwork>(count_);
  }

 private:
  Clockwork::Count& count_;
};

}  // namespace

TEST_CASE("a million timers of one actor fire once each, or not at all once cancelled", "[core]") {
  Stage stage;
  Clockwork::Count count;
  ActorType type;
  type.name = "clockwork";
  type.factory = std::make_shared<ClockworkFactory>(count);
  const auto added = stage.engine.add_type(std::move(type));
  CHECK(added);
  stage.spawn("clockwork", "a");
  CHECK(stage.send("a", "wind up"));
  stage.settle();
  CHECK(count.set == Clockwork::total);
  CHECK(count.over == Errc::timers_full);
  CHECK(count.cancelled == Clockwork::total / 2);
  CHECK(stage.engine.stats().timers == Clockwork::total / 2);
  stage.advance(500ms);
  CHECK(count.fired > Clockwork::total / 5);
  stage.advance(500ms);
  CHECK(count.fired == Clockwork::total / 2);
  CHECK(count.wrong == 0);
  CHECK(stage.engine.stats().timers == 0);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("the timers of an actor that ends with many pending are gone with it", "[core]") {
  constexpr int pending = 10'000;
  Stage stage;
  const auto script = stage.type("t", [](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.kind != Kind::send) return Handled::done;
    for (int i = 0; i < pending; ++i) (void)context.set_timer(Duration(i % 10), 1s);
    return Handled::done;
  });
  const auto id = stage.spawn("t", "a");
  CHECK(stage.send("a", "go"));
  stage.settle();
  CHECK(stage.engine.stats().timers == pending);
  (void)stage.engine.fire_due(stage.clock.now());  // a tenth of them is in the mailbox
  CHECK(stage.engine.stop(id, StopVerb::stop));
  stage.advance(1h);
  CHECK(texts(*script, Kind::timer).empty());
  CHECK(stage.engine.stats().timers == 0);
  CHECK(stage.ledger().dropped[static_cast<std::size_t>(DropCause::ended)] == pending / 10);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("a timer that has fired or was cancelled cannot be cancelled again", "[core]") {
  Stage stage;
  TimerId once{};
  TimerId periodic{};
  const auto script = stage.type("t", [&](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.kind == Kind::send) {
      once = *context.set_timer(1s);
      periodic = *context.set_timer(1s, 1s);
    } else if (envelope.timer == once) {
      CHECK(context.cancel_timer(once).error() == Errc::no_timer);  // it fires just now
    } else {
      CHECK(context.cancel_timer(periodic));  // a periodic one goes on until it is cancelled
      CHECK(context.cancel_timer(periodic).error() == Errc::no_timer);
      CHECK(context.cancel_timer(once).error() == Errc::no_timer);
    }
    return Handled::done;
  });
  stage.spawn("t", "a");
  CHECK(stage.send("a", "go"));
  stage.advance(1min);
  CHECK(texts(*script, Kind::timer).size() == 2);
  CHECK(stage.engine.stats().timers == 0);
}

TEST_CASE("a flood of subscriptions meets the limit, and taken back leaves nothing", "[core]") {
  constexpr std::uint32_t flood = 20'000;
  Stage stage;
  std::uint32_t taken = 0;
  std::uint32_t refused = 0;
  std::vector<SubscriptionId> held;
  stage.type("t", [&](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.payload.text() == "forget") {
      for (const auto id : held) CHECK(context.unsubscribe(id));
      held.clear();
      return Handled::done;
    }
    for (std::uint32_t i = 0; i < flood; ++i) {
      const auto text = "feed:" + std::to_string(i) + "/md.*.>";
      const auto made = context.subscribe(*Pattern::parse(text));
      if (made) held.push_back(made->id);
      made ? ++taken : ++refused;
      if (!made && made.error() != Errc::subs_full) FAIL_CHECK(token(made.error()));
    }
    return Handled::done;
  });
  const auto id = stage.spawn("t", "a");
  for (int round = 1; round <= 2; ++round) {
    CHECK(stage.send("a", "flood"));
    stage.settle();
    CHECK(held.size() == Limits{}.subscriptions_per_actor_max);
    CHECK(stage.engine.stats().subscriptions == held.size());
    CHECK(taken + refused == static_cast<std::uint32_t>(round) * flood);
    CHECK(stage.ledger().refused[static_cast<std::size_t>(Errc::subs_full)] == refused);
    if (round == 2) break;
    CHECK(stage.send("a", "forget"));
    stage.settle();
    CHECK(stage.engine.stats().subscriptions == 0);
  }
  CHECK(stage.engine.stop(id, StopVerb::kill));
  stage.settle();
  CHECK(stage.engine.stats().subscriptions == 0);
}

TEST_CASE("a flood of addresses meets the limit, and those that are known go on", "[core]") {
  Stage stage(Limits{.topics_max = 100});
  const auto script = stage.type("t");
  script->create = [](Context& context) -> Outcome {
    CHECK(context.subscribe(*Pattern::parse("feed/1")));
    return Handled::done;
  };
  stage.spawn("t", "a");
  std::uint32_t refused = 0;
  for (int i = 0; i < 1'000; ++i) {
    const auto made = stage.publish("feed/" + std::to_string(i), "x");
    if (!made && made.error() == Errc::topics_full) ++refused;
  }
  CHECK(refused == 900);
  CHECK(stage.engine.stats().topics == 100);
  CHECK(stage.publish("feed/1", "y")->matched == 1);
  stage.settle();
  CHECK(texts(*script, Kind::publish) == Texts{"x", "y"});
}
