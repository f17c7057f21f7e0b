// Timers: once, periodic, cancelled, limited.
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;

namespace {

// An actor that runs `act` once, for its first send.
std::shared_ptr<Script> with_timers(Stage& stage, std::function<void(Context&)> act) {
  return stage.type("t",
                    [act = std::move(act)](Context& context, const Envelope& envelope) -> Outcome {
                      if (envelope.kind == Kind::send) act(context);
                      return Handled::done;
                    });
}
void go(Stage& stage) {
  stage.spawn("t", "a");
  CHECK(stage.send("a", "go"));
  stage.settle();
}

}  // namespace

TEST_CASE("a timer fires once, in its time, through the mailbox", "[core]") {
  Stage stage;
  const auto script = with_timers(stage, [](Context& context) { CHECK(context.set_timer(1s)); });
  go(stage);
  stage.advance(999ms);
  CHECK(texts(*script, Kind::timer).empty());
  stage.advance(1ms);
  CHECK(texts(*script, Kind::timer).size() == 1);
  stage.advance(1h);
  CHECK(texts(*script, Kind::timer).size() == 1);
}

TEST_CASE("a periodic timer fires at a fixed rate and ends with its actor", "[core]") {
  Stage stage;
  const auto script =
      with_timers(stage, [](Context& context) { CHECK(context.set_timer(100ms, 250ms)); });
  go(stage);
  stage.advance(1s);
  CHECK(texts(*script, Kind::timer).size() == 4);  // 100, 350, 600, 850
  CHECK(stage.engine.stop(*stage.engine.find("a"), StopVerb::stop));
  stage.advance(1min);
  CHECK(texts(*script, Kind::timer).size() == 4);
  CHECK(stage.engine.stats().timers == 0);
}

TEST_CASE("periods missed while the actor could not run are skipped", "[core]") {
  Stage stage;
  const auto script =
      with_timers(stage, [](Context& context) { CHECK(context.set_timer(1s, 1s)); });
  go(stage);
  stage.clock.set(stage.clock.now() + 10s);
  stage.advance(0s);
  CHECK(texts(*script, Kind::timer).size() == 1);
  stage.advance(1s);
  CHECK(texts(*script, Kind::timer).size() == 2);
}

TEST_CASE("nothing of a cancelled timer arrives, even if it was queued", "[core]") {
  Stage stage;
  TimerId timer{};
  const auto script = stage.type("t", [&](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.payload.text() == "set") timer = *context.set_timer(1s);
    if (envelope.payload.text() == "cancel") {
      CHECK(context.cancel_timer(timer));
      CHECK(context.cancel_timer(timer).error() == Errc::no_timer);
    }
    return Handled::done;
  });
  stage.spawn("t", "a");
  CHECK(stage.send("a", "set"));
  stage.settle();
  CHECK(stage.send("a", "cancel"));
  stage.clock.set(stage.clock.now() + 2s);
  (void)stage.engine.fire_due(stage.clock.now());  // queued behind "cancel"
  stage.settle();
  CHECK(texts(*script, Kind::timer).empty());
  CHECK(stage.ledger().dropped[static_cast<std::size_t>(DropCause::late)] == 1);
}

TEST_CASE("negative delays and too many timers are refused, a huge delay never fires", "[core]") {
  Stage stage(Limits{.timers_per_actor_max = 2});
  const auto script = with_timers(stage, [](Context& context) {
    CHECK(context.set_timer(Duration(-1)).error() == Errc::bad_arg);
    CHECK(context.set_timer(1s, Duration(-1)).error() == Errc::bad_arg);
    CHECK(context.set_timer(Duration::max()));
    CHECK(context.set_timer(1s));
    CHECK(context.set_timer(1s).error() == Errc::timers_full);
  });
  go(stage);
  stage.advance(1h);
  CHECK(texts(*script, Kind::timer).size() == 1);
}

TEST_CASE("timers due at once fire in the order of their times", "[core]") {
  Stage stage;
  std::vector<TimerId> set;
  const auto script = with_timers(stage, [&](Context& context) {
    for (const auto delay : {3s, 1s, 2s, 1s}) set.push_back(*context.set_timer(delay));
  });
  go(stage);
  stage.clock.set(stage.clock.now() + 10s);
  stage.advance(0s);
  std::vector<TimerId> fired;
  for (const auto& got : script->got) {
    if (got.kind == Kind::timer) fired.push_back(got.timer);
  }
  CHECK(fired == std::vector{set[1], set[3], set[2], set[0]});
}
