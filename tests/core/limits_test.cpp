// Limits: extremes of time, circles, loops and floods end in a code or at a documented limit, and
// neighbours do not notice.
#include "core/timers.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;
using Texts = std::vector<std::string>;

namespace {

ActorType with_supervision(Supervision supervision) {
  ActorType type;
  type.supervision = supervision;
  return type;
}

Outcome fail_on_send(Context&, const Envelope& envelope) {
  if (envelope.kind == Kind::send) return std::unexpected(Failure{"bad"});
  return Handled::done;
}

// Spawns the child or monitor that a message names, whatever comes of it.
Outcome obey(Context& context, const Envelope& envelope) {
  if (envelope.kind != Kind::send) return Handled::done;
  const auto name = envelope.payload.text();
  if (envelope.type == "child") {
    CHECK(context.spawn({.type = "t", .name = name, .as_child = true}));
  }
  if (envelope.type == "watch") CHECK(context.monitor(*context.resolve(name)));
  return Handled::done;
}

std::size_t ends_of(const Stage& stage) {
  const auto& lines = stage.record.lines;
  return static_cast<std::size_t>(std::count_if(
      lines.begin(), lines.end(), [](const auto& line) { return line.starts_with("ended "); }));
}

}  // namespace

TEST_CASE("a deadline that is negative or past the documented maximum is refused", "[core]") {
  Stage stage;
  stage.type("server");
  const auto server = stage.spawn("server", "server");
  const Duration too_long = request_deadline_max + Duration(1);
  stage.type("t", [&](Context& context, const Envelope&) -> Outcome {
    for (const Duration bad :
         {Duration::min(), Duration(-1), Duration(0), too_long, Duration::max()}) {
      CHECK(context.request(server, {}, bad).error() == Errc::bad_arg);
    }
    CHECK(context.request(server, {}, request_deadline_max));
    CHECK(context.stop(server, StopVerb::stop, Duration(-1)).error() == Errc::bad_arg);
    return Handled::done;
  });
  stage.spawn("t", "a");
  CHECK(stage.send("a", "go"));
  stage.settle();
  for (const auto verb : {StopVerb::stop, StopVerb::drain, StopVerb::kill}) {
    CHECK(stage.engine.stop(server, verb, Duration::min()).error() == Errc::bad_arg);
  }
  CHECK(stage.engine.find("server"));
}

TEST_CASE("a stop, drain or kill with all the time there is still ends its actor", "[core]") {
  Stage stage;
  stage.type("t");
  for (const auto verb : {StopVerb::stop, StopVerb::drain, StopVerb::kill}) {
    const auto id = stage.spawn("t", "a");
    CHECK(stage.send("a", "x"));
    CHECK(stage.engine.stop(id, verb, Duration::max()));
    CHECK(stage.engine.stop(id, verb, Duration(0)));  // a shorter one later is fine too
    stage.settle();
    CHECK_FALSE(stage.engine.find("a"));
  }
  stage.advance(1h);
  CHECK(stage.engine.stats().timers == 0);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("a timer with all the time there is never fires, as a period never again", "[core]") {
  Stage stage;
  const auto script = stage.type("t", [](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.kind != Kind::send) return Handled::done;
    CHECK(context.set_timer(Duration::max(), Duration::max()));
    CHECK(context.set_timer(Duration(0), Duration::max()));
    CHECK(context.set_timer(1s, Duration::max() - Duration(1)));
    return Handled::done;
  });
  stage.spawn("t", "a");
  CHECK(stage.send("a", "go"));
  stage.advance(24h * 365);
  CHECK(texts(*script, Kind::timer).size() == 2);
  CHECK(stage.engine.stats().timers == 3);
}

TEST_CASE("a back-off or idle time with all the time there is waits and does nothing worse",
          "[core]") {
  Stage stage;
  Supervision patient;
  patient.backoff_min = patient.backoff_max = Duration::max();
  patient.jitter_percent = 0;
  stage.type("patient", fail_on_send, with_supervision(patient));
  const auto id = stage.spawn("patient", "a");
  CHECK(stage.send("a", "bad"));
  stage.type("book");
  CHECK(stage.engine.add_activation(
      {"book:{1}", "book", std::nullopt, Duration::max(), 0, "config"}));
  CHECK(stage.send("book:x", "hello"));
  stage.advance(24h * 365);
  CHECK(stage.engine.find("book:x"));
  CHECK(stage.engine.actors()[0].phase == "backing_off");
  CHECK(stage.engine.stop(id, StopVerb::stop));
  stage.settle();
  CHECK_FALSE(stage.engine.find("a"));
}

TEST_CASE("a wait that doubles for ever stops at its bound, however large", "[core]") {
  Supervision policy;
  policy.backoff_min = Duration(1);
  policy.backoff_max = Duration::max();
  policy.healthy_after = 1h;
  policy.jitter_percent = 0;
  Backoff backoff;
  Duration wait{};
  for (int i = 0; i < 100; ++i) wait = backoff.next(policy, Duration(0), 0);
  CHECK(wait == Duration::max());
}

TEST_CASE("actors that monitor one another in a circle, and themselves, hear of each end once",
          "[core]") {
  Stage stage;
  const auto script = stage.type("t", obey);
  const Texts names{"a", "b", "c"};
  for (const auto& name : names) stage.spawn("t", name);
  for (std::size_t i = 0; i < names.size(); ++i) {
    CHECK(stage.send(names[i], names[(i + 1) % names.size()], "watch"));
    CHECK(stage.send(names[i], names[i], "watch"));
  }
  stage.settle();
  CHECK(stage.engine.stop(*stage.engine.find("a"), StopVerb::stop));
  stage.settle();
  CHECK(texts(*script, Kind::down) == Texts{"stopped"});
  CHECK(script->got.back().from == "a");
  stage.engine.close_intake();
  stage.engine.stop_all();
  stage.settle();
  CHECK(stage.engine.hosted_actors() == 0);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("monitors over the limit are refused, and the same one again takes no more", "[core]") {
  Stage stage(Limits{.monitors_per_actor_max = 2});
  stage.type("t");
  const auto one = stage.spawn("t", "one");
  const auto two = stage.spawn("t", "two");
  const auto three = stage.spawn("t", "three");
  stage.type("w", [&](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.kind != Kind::send) return Handled::done;
    for (const ActorId id : {one, one, two, two}) CHECK(context.monitor(id));
    CHECK(context.monitor(three).error() == Errc::bad_arg);
    CHECK(context.demonitor(one));
    CHECK(context.monitor(three));
    return Handled::done;
  });
  stage.spawn("w", "w");
  CHECK(stage.send("w", "go"));
  stage.settle();
}

TEST_CASE("no actor becomes its own child, or the child of its child", "[core]") {
  Stage stage;
  stage.type("t", obey);
  const auto id = stage.spawn("t", "a");
  CHECK(stage.send("a", "a", "child"));
  CHECK(stage.send("a", "b", "child"));
  stage.settle();
  CHECK(stage.send("b", "a", "child"));
  CHECK(stage.send("b", "b", "child"));
  stage.settle();
  const auto actors = stage.engine.actors();
  REQUIRE(actors.size() == 2);
  CHECK(actors[0].parent.empty());
  CHECK(actors[1].parent == "a");
  CHECK(stage.engine.stop(id, StopVerb::stop));
  CHECK(stage.settle());
  CHECK(stage.engine.hosted_actors() == 0);
  CHECK(ends_of(stage) == 2);
}

TEST_CASE("a chain of a thousand children ends from its last to its first, killed or stopped",
          "[core]") {
  constexpr int depth = 1'000;
  for (const auto verb : {StopVerb::stop, StopVerb::kill}) {
    Stage stage;
    stage.type("t", obey);
    const auto root = stage.spawn("t", "c0");
    for (int i = 0; i < depth; ++i) {
      CHECK(stage.send("c" + std::to_string(i), "c" + std::to_string(i + 1), "child"));
      stage.settle();
    }
    CHECK(stage.engine.hosted_actors() == depth + 1);
    stage.record.lines.clear();
    CHECK(stage.engine.stop(root, verb, 1h));
    CHECK(stage.settle());
    CHECK(stage.engine.hosted_actors() == 0);
    CHECK(ends_of(stage) == depth + 1);
    if (verb == StopVerb::stop) {
      CHECK(stage.record.lines.front() == "ended c" + std::to_string(depth) + " stopped");
      CHECK(stage.record.lines.back() == "ended c0 stopped");
    }
  }
}

TEST_CASE("an actor that spawns copies of itself without end meets the limit", "[core]") {
  Stage stage(Limits{.actors_max = 500});
  int count = 0;
  std::optional<Errc> met;
  const auto script = stage.type("t");
  script->create = [&](Context& context) -> Outcome {
    const auto spawned =
        context.spawn({.type = "t", .name = "copy:" + std::to_string(++count), .as_child = true});
    if (!spawned) met = spawned.error();
    return Handled::done;
  };
  const auto root = stage.spawn("t", "root");
  CHECK(met == Errc::actors_full);
  CHECK(stage.engine.hosted_actors() == 500);
  CHECK(stage.engine.stop(root, StopVerb::stop, 1h));
  CHECK(stage.settle());
  CHECK(stage.engine.hosted_actors() == 0);
}

TEST_CASE("watching interest has a limit", "[core]") {
  Limits limits;
  limits.subscriptions_per_actor_max = 10;
  Stage stage(limits);
  std::uint32_t taken = 0;
  stage.type("t", [&](Context& context, const Envelope&) -> Outcome {
    for (int i = 0; i < 100; ++i) {
      if (context.watch_interest("x" + std::to_string(i))) ++taken;
    }
    CHECK(context.watch_interest("x0"));  // again is no second one
    CHECK(context.watch_interest("x99").error() == Errc::subs_full);
    return Handled::done;
  });
  stage.spawn("t", "a");
  CHECK(stage.send("a", "go"));
  stage.settle();
  CHECK(taken == 10);
}

TEST_CASE("timers that were cancelled are given back before their time", "[core]") {
  ManualAlarm alarm;
  Timers timers(alarm);
  // One that is live and earlier keeps the cancelled ones from surfacing.
  (void)timers.set(TimePoint{2h}, {Due::What::user_timer, nobody});
  for (int i = 0; i < 100'000; ++i) {
    CHECK(timers.cancel(timers.set(TimePoint{24h}, {Due::What::user_timer, nobody})));
  }
  CHECK(timers.live() == 1);
  CHECK(timers.kept() < 100);
}

TEST_CASE("a member of a group that stops itself while it is created ends", "[core]") {
  Stage stage;
  const auto shy = stage.type("shy");
  shy->create = [](Context& context) -> Outcome {
    context.stop_self();
    return Handled::done;
  };
  stage.type("t");
  stage.type("s", [](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.kind != Kind::send) return Handled::done;
    const std::array group{SpawnRequest{.type = "shy", .name = "shy"},
                           SpawnRequest{.type = "t", .name = "other"}};
    CHECK(context.spawn_group(group));
    return Handled::done;
  });
  stage.spawn("s", "s");
  CHECK(stage.send("s", "go"));
  stage.settle();
  CHECK_FALSE(stage.engine.find("shy"));
}
