// Failure: restart with back-off, mailbox kept, the failing message buried, parking.
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;
using Texts = std::vector<std::string>;

namespace {

Outcome fail_on_bad(Context&, const Envelope& envelope) {
  if (envelope.payload.text() == "bad") return std::unexpected(Failure{"bad message"});
  if (envelope.payload.text() == "throw") throw std::runtime_error("thrown");
  if (envelope.payload.text() == "throw int") throw 7;
  return Handled::done;
}

}  // namespace

TEST_CASE("a history holds at most intensity restarts within a period", "[core]") {
  RestartHistory history;
  TimePoint now{1h};
  for (int i = 0; i < 3; ++i) CHECK(history.add(3, 10s, now));
  CHECK_FALSE(history.add(3, 10s, now));
  now += 10s;
  CHECK_FALSE(history.add(3, 10s, now));  // the edge still counts, as in OTP
  now += 11s;
  CHECK(history.add(3, 10s, now));
  CHECK_FALSE(history.add(0, 10s, now));
}

TEST_CASE("the wait doubles up to its bound and begins anew after health", "[core]") {
  Backoff backoff;
  Supervision policy;
  policy.backoff_min = 100ms;
  policy.backoff_max = 350ms;
  policy.healthy_after = 5s;
  policy.jitter_percent = 0;
  const Duration waits[] = {100ms, 200ms, 350ms, 350ms};
  for (const Duration wait : waits) CHECK(backoff.next(policy, 4s, 0) == wait);
  CHECK(backoff.next(policy, 5s, 0) == Duration(100ms));
}

TEST_CASE("jitter shortens a wait by no more than its percent", "[core]") {
  Supervision policy;
  policy.backoff_min = policy.backoff_max = 100ms;
  policy.jitter_percent = 20;
  std::set<Duration> seen;
  for (std::uint64_t chance = 0; chance < 5000; chance += 7) {
    Backoff backoff;
    const Duration wait = backoff.next(policy, {}, chance);
    CHECK(wait <= Duration(100ms));
    CHECK(wait >= Duration(80ms));
    seen.insert(wait);
  }
  CHECK(seen.size() > 500);
}

TEST_CASE("a failing message is a dead letter and the mailbox survives the restart", "[core]") {
  Stage stage;
  const auto script = stage.type("t", fail_on_bad);
  stage.spawn("t", "a");
  for (const auto* text : {"1", "bad", "2"}) CHECK(stage.send("a", text));
  stage.settle();
  CHECK(texts(*script, Kind::send) == Texts{"1", "bad"});
  CHECK(script->ends == std::vector{EndReason::failed});
  CHECK(stage.send("a", "3"));  // accepted while it waits
  stage.advance(restart_backoff_min);
  CHECK(texts(*script, Kind::send) == Texts{"1", "bad", "2", "3"});
  CHECK(script->created == 2);
  const auto letters = stage.engine.dead_letters();
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].reason == "bad message");
  CHECK(letters[0].attempts == 1);
  CHECK(letters[0].cause == DeadCause::failed);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("an exception of any kind is a failure of that actor only", "[core]") {
  Stage stage;
  const auto script = stage.type("t", fail_on_bad);
  stage.spawn("t", "a");
  stage.spawn("t", "b");
  CHECK(stage.send("a", "throw"));
  stage.advance(1s);
  CHECK(stage.send("a", "throw int"));
  CHECK(stage.send("b", "fine"));
  stage.settle();
  CHECK(stage.record.has("failed a thrown"));
  CHECK(stage.record.has("failed a threw something that is no std::exception"));
  CHECK(script->got.back().text == "fine");
}

TEST_CASE("an actor that fails too often is parked, its mail kept, its monitors told", "[core]") {
  Stage stage;
  stage.type("t", fail_on_bad);
  stage.spawn("t", "a");
  const auto watcher = stage.type("w", [](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.kind == Kind::send) CHECK(context.monitor(*context.resolve("a")));
    return Handled::done;
  });
  stage.spawn("w", "w");
  CHECK(stage.send("w", "go"));
  stage.settle();
  for (std::uint32_t i = 0; i <= restart_intensity; ++i) CHECK(stage.send("a", "bad"));
  CHECK(stage.send("a", "left"));
  stage.advance(9s);
  CHECK(stage.record.has("parked a"));
  CHECK(stage.send("a", "x").error() == Errc::parked);
  CHECK(texts(*watcher, Kind::down) == Texts{"parked"});
  CHECK(stage.engine.dead_letters().size() == restart_intensity + 1);
  CHECK(stage.ledger().queued == 1);
  CHECK(stage.ledger().is_balanced());
  CHECK(stage.engine.stop(*stage.engine.find("a"), StopVerb::stop));
  stage.settle();
  CHECK_FALSE(stage.engine.find("a"));
  CHECK(stage.engine.dead_letters().back().cause == DeadCause::stopped);
  CHECK(stage.ledger().queued == 0);
}

TEST_CASE("an unparked actor handles the mail that waited, with a fresh budget", "[core]") {
  Stage stage;
  const auto script = stage.type("t", fail_on_bad);
  const auto id = stage.spawn("t", "a");
  CHECK(stage.engine.unpark(id).error() == Errc::bad_arg);
  for (std::uint32_t i = 0; i <= restart_intensity; ++i) CHECK(stage.send("a", "bad"));
  CHECK(stage.send("a", "left"));
  stage.advance(9s);
  REQUIRE(stage.record.has("parked a"));
  CHECK(stage.engine.unpark(id));
  stage.settle();
  CHECK(script->got.back().text == "left");
  CHECK(stage.send("a", "bad"));
  CHECK(stage.send("a", "more"));
  stage.advance(1s);
  CHECK(script->got.back().text == "more");
  CHECK(stage.engine.unpark({id.slot, id.generation + 1}).error() == Errc::no_actor);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("an actor takes mail from the moment that it is unparked, before its turn has come",
          "[core]") {
  Stage stage;
  const auto script = stage.type("t", fail_on_bad);
  const auto id = stage.spawn("t", "a");
  for (std::uint32_t i = 0; i <= restart_intensity; ++i) CHECK(stage.send("a", "bad"));
  stage.advance(9s);
  REQUIRE(stage.record.has("parked a"));
  REQUIRE(stage.send("a", "x").error() == Errc::parked);
  REQUIRE(stage.engine.unpark(id));
  CHECK(stage.send("a", "first"));
  stage.settle();
  CHECK(script->got.back().text == "first");
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("a request to an actor that is then parked is answered at once", "[core]") {
  Stage stage;
  stage.type("t", fail_on_bad);
  stage.spawn("t", "a");
  const auto asker = stage.type("q", [](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.kind == Kind::send) CHECK(context.request(*context.resolve("a"), {}, 60s));
    return Handled::done;
  });
  stage.spawn("q", "q");
  for (std::uint32_t i = 0; i <= restart_intensity; ++i) CHECK(stage.send("a", "bad"));
  stage.settle();
  CHECK(stage.send("q", "go"));
  stage.advance(9s);
  REQUIRE(asker->got.size() == 2);
  CHECK(asker->got.back().error == Errc::parked);
  CHECK(stage.engine.dead_letters().back().cause == DeadCause::parked);
}

TEST_CASE("a restart keeps the subscriptions and drops the timers of the failed self", "[core]") {
  Stage stage;
  const auto script = stage.type("t", fail_on_bad);
  script->create = [&](Context& context) -> Outcome {
    CHECK(context.subscribe(*Pattern::parse("feed/x")));
    CHECK(context.set_timer(1s));
    return Handled::done;
  };
  stage.spawn("t", "a");
  stage.advance(500ms);
  CHECK(stage.send("a", "bad"));
  stage.advance(100ms);
  CHECK(stage.publish("feed/x", "live")->matched == 1);
  stage.advance(10s);
  CHECK(texts(*script, Kind::publish) == Texts{"live"});
  CHECK(texts(*script, Kind::timer).size() == 1);  // only the new self's
}

TEST_CASE("a failure to be created is retried and then parked", "[core]") {
  Stage stage;
  const auto script = stage.type("t");
  int left = 2;
  script->create = [&](Context&) -> Outcome {
    if (left-- > 0) return std::unexpected(Failure{"not yet"});
    return Handled::done;
  };
  stage.spawn("t", "a");
  CHECK(stage.send("a", "x"));
  stage.advance(1s);
  CHECK(script->created == 3);
  CHECK(texts(*script, Kind::send) == Texts{"x"});
  script->create = [](Context&) -> Outcome { return std::unexpected(Failure{"never"}); };
  stage.spawn("t", "b");
  stage.advance(9s);
  CHECK(stage.record.has("parked b"));
}

TEST_CASE("a spawner that asked is told whether its actor runs", "[core]") {
  Stage stage;
  const auto bad = stage.type("bad");
  bad->create = [](Context&) -> Outcome { return std::unexpected(Failure{"config is wrong"}); };
  const auto good = stage.type("good");
  const auto spawner = stage.type("s", [](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.kind == Kind::send) {
      const auto type = envelope.payload.text();
      CHECK(context.spawn({.type = type, .name = type, .tell_started = true}));
    }
    return Handled::done;
  });
  stage.spawn("s", "s");
  CHECK(stage.send("s", "good"));
  CHECK(stage.send("s", "bad"));
  stage.advance(1min);
  CHECK(texts(*spawner, Kind::started) == Texts{"", "config is wrong"});
  CHECK(spawner->got.back().is_error);
}

TEST_CASE("the children of a failed actor are stopped before it is made anew", "[core]") {
  Stage stage;
  stage.type("child");
  stage.type("t", [](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.payload.text() == "bad") return std::unexpected(Failure{"bad"});
    CHECK(context.spawn({.type = "child", .name = "kid", .as_child = true}));
    return Handled::done;
  });
  stage.spawn("t", "a");
  CHECK(stage.send("a", "spawn"));
  stage.settle();
  CHECK(stage.send("a", "bad"));
  stage.settle();
  CHECK_FALSE(stage.engine.find("kid"));
  stage.advance(1s);
  CHECK(stage.engine.find("a"));
}

TEST_CASE("stopping an actor that waits to be made anew ends it and buries its mail", "[core]") {
  Stage stage;
  stage.type("t", fail_on_bad);
  const auto id = stage.spawn("t", "a");
  CHECK(stage.send("a", "bad"));
  stage.settle();
  CHECK(stage.send("a", "kept"));
  CHECK(stage.engine.stop(id, StopVerb::stop));
  stage.settle();
  CHECK_FALSE(stage.engine.find("a"));
  CHECK(stage.engine.dead_letters().size() == 2);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("a subscriber of dead letters hears of each by cause", "[core]") {
  Stage stage;
  stage.type("t", fail_on_bad);
  stage.spawn("t", "a");
  const auto listener = stage.type("l");
  listener->create = [](Context& context) -> Outcome {
    CHECK(context.subscribe(*Pattern::parse("$dead/*")));
    return Handled::done;
  };
  stage.spawn("l", "l");
  CHECK(stage.send("a", "bad"));
  stage.settle();
  CHECK(texts(*listener, Kind::publish) == Texts{"bad"});
  CHECK(listener->got.back().address == "$dead/failed");
}
