// The engine's facade: names, sends, refusals, stops, the ledger.
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;
using Texts = std::vector<std::string>;

TEST_CASE("a send reaches its actor in order and says who sent it", "[core]") {
  Stage stage;
  const auto script = stage.type("t");
  stage.spawn("t", "a");
  for (const auto* text : {"1", "2", "3"}) CHECK(stage.send("a", text, "kind"));
  stage.settle();
  CHECK(texts(*script, Kind::send) == Texts{"1", "2", "3"});
  CHECK(script->got[0].from == "test");
  CHECK(script->got[0].type == "kind");
  CHECK(stage.ledger().handled == 3);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("a send to nobody, to a bad name or too large is refused and counted", "[core]") {
  Stage stage;
  stage.type("t");
  stage.spawn("t", "a");
  CHECK(stage.send("nosuch", "x").error() == Errc::no_actor);
  CHECK(stage.send("bad name", "x").error() == Errc::bad_name);
  CHECK(stage.send("a", std::string(payload_bytes_max, 'x')));
  CHECK(stage.send("a", std::string(payload_bytes_max + 1, 'x')).error() == Errc::too_large);
  CHECK(stage.ledger().refused_total() == 3);
}

TEST_CASE("spawning a held name gives the holder, and another type is an error", "[core]") {
  Stage stage;
  const auto script = stage.type("t");
  stage.type("u");
  const auto first = stage.spawn("t", "a");
  const auto again = stage.engine.spawn({.type = "t", .name = "a"});
  CHECK(again->existed);
  CHECK(again->id == first);
  CHECK(stage.engine.spawn({.type = "u", .name = "a"}).error() == Errc::type_mismatch);
  CHECK(stage.engine.spawn({.type = "nosuch", .name = "b"}).error() == Errc::no_type);
  CHECK(stage.engine.spawn({.type = "t", .name = "b c"}).error() == Errc::bad_name);
  CHECK(script->created == 1);
}

TEST_CASE("a client's name and an actor's name are one namespace", "[core]") {
  Stage stage;
  stage.type("t");
  stage.spawn("t", "a");
  auto script = std::make_shared<Script>();
  CHECK(stage.engine.attach("a", std::make_unique<ScriptedActor>(script), stage.executor, {})
            .error() == Errc::name_in_use);
  stage.client("c", script);
  CHECK(stage.engine.spawn({.type = "t", .name = "c"}).error() == Errc::name_in_use);
}

TEST_CASE("the engine holds no more actors than its limit", "[core]") {
  Stage stage(Limits{.actors_max = 2});
  stage.type("t");
  stage.spawn("t", "a");
  const auto b = stage.spawn("t", "b");
  CHECK(stage.engine.spawn({.type = "t", .name = "c"}).error() == Errc::actors_full);
  CHECK(stage.engine.stop(b, StopVerb::stop));
  stage.settle();
  CHECK(stage.engine.spawn({.type = "t", .name = "c"}));
}

TEST_CASE("an id of an ended actor is refused although its slot is used again", "[core]") {
  Stage stage;
  stage.type("t");
  const auto old = stage.spawn("t", "a");
  CHECK(stage.engine.stop(old, StopVerb::stop));
  stage.settle();
  CHECK(stage.engine.send(old, {{}, Payload("x")}).error() == Errc::no_actor);
  const auto young = stage.spawn("t", "b");
  CHECK(young.slot == old.slot);
  CHECK(stage.engine.send(old, {{}, Payload("x")}).error() == Errc::no_actor);
  CHECK(stage.engine.stop(old, StopVerb::stop).error() == Errc::no_actor);
}

TEST_CASE("a full mailbox refuses to the sender and loses nothing else", "[core]") {
  Stage stage;
  ActorType settings;
  settings.mailbox.data_messages_max = 2;
  const auto script = stage.type("t", {}, settings);
  stage.spawn("t", "a");
  CHECK(stage.send("a", "1"));
  CHECK(stage.send("a", "2"));
  CHECK(stage.send("a", "3").error() == Errc::mailbox_full);
  stage.settle();
  CHECK(stage.send("a", "4"));
  stage.settle();
  CHECK(texts(*script, Kind::send) == Texts{"1", "2", "4"});
}

TEST_CASE("stop ends after this message and the rest become dead letters", "[core]") {
  Stage stage;
  const auto script = stage.type("t");
  const auto id = stage.spawn("t", "a");
  CHECK(stage.send("a", "1"));
  CHECK(stage.send("a", "2"));
  CHECK(stage.engine.stop(id, StopVerb::stop));
  CHECK(stage.engine.find("a"));
  stage.settle();
  CHECK(script->got.empty());
  CHECK(script->ends == std::vector{EndReason::stopped});
  CHECK_FALSE(stage.engine.find("a"));
  const auto letters = stage.engine.dead_letters();
  REQUIRE(letters.size() == 2);
  CHECK(letters[0].payload.text() == "1");
  CHECK(letters[0].target == "a");
  CHECK(letters[0].sender == "test");
  CHECK(letters[0].cause == DeadCause::stopped);
  CHECK(stage.ledger().dead_lettered == 2);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("drain handles what is queued, refuses new mail, then ends", "[core]") {
  Stage stage;
  Stage* outside = &stage;
  const auto script = stage.type("t", [outside](Context&, const Envelope& envelope) -> Outcome {
    if (envelope.payload.text() == "1") {
      CHECK(outside->send("a", "late").error() == Errc::stopping);
    }
    return Handled::done;
  });
  const auto id = stage.spawn("t", "a");
  CHECK(stage.send("a", "1"));
  CHECK(stage.send("a", "2"));
  CHECK(stage.engine.stop(id, StopVerb::drain));
  stage.settle();
  CHECK(texts(*script, Kind::send) == Texts{"1", "2"});
  CHECK(script->ends == std::vector{EndReason::drained});
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("an actor may stop itself, by verb or by outcome", "[core]") {
  Stage stage;
  const auto script = stage.type("t", [](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.payload.text() == "outcome") return Handled::stop;
    context.stop_self();
    return Handled::done;
  });
  for (const auto* how : {"outcome", "verb"}) {
    stage.spawn("t", "a");
    CHECK(stage.send("a", how));
    stage.settle();
    CHECK_FALSE(stage.engine.find("a"));
  }
  CHECK(script->ends.size() == 2);
}

TEST_CASE("children end before their parent, the youngest first", "[core]") {
  Stage stage;
  stage.type("t", [](Context& context, const Envelope& envelope) -> Outcome {
    const auto name = envelope.payload.text();
    CHECK(context.spawn({.type = "t", .name = name, .as_child = true}));
    return Handled::done;
  });
  const auto id = stage.spawn("t", "parent");
  CHECK(stage.send("parent", "one"));
  CHECK(stage.send("parent", "two"));
  stage.settle();
  CHECK(stage.send("two", "grandchild"));
  stage.settle();
  CHECK(stage.engine.stop(id, StopVerb::stop));
  stage.settle();
  Texts ends;
  for (const auto& line : stage.record.lines) {
    if (line.starts_with("ended")) ends.push_back(line);
  }
  CHECK(ends == Texts{"ended grandchild stopped", "ended two stopped", "ended one stopped",
                      "ended parent stopped"});
}

TEST_CASE("kill waits for no child but ends them all", "[core]") {
  Stage stage;
  stage.type("t", [](Context& context, const Envelope&) -> Outcome {
    CHECK(context.spawn({.type = "t", .name = "child", .as_child = true}));
    return Handled::done;
  });
  const auto id = stage.spawn("t", "parent");
  CHECK(stage.send("parent", "x"));
  stage.settle();
  CHECK(stage.engine.stop(id, StopVerb::kill));
  stage.settle();
  CHECK(stage.engine.hosted_actors() == 0);
}

TEST_CASE("a monitor hears of the end once, at once if there is nobody", "[core]") {
  Stage stage;
  stage.type("t");
  const auto target = stage.spawn("t", "target");
  const auto watcher = stage.type("w", [](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.kind != Kind::send) return Handled::done;
    CHECK(context.monitor(*context.resolve("target")));
    CHECK(context.monitor(*context.resolve("target")));
    CHECK(context.monitor(ActorId{999, 1}));
    return Handled::done;
  });
  stage.spawn("w", "watcher");
  CHECK(stage.send("watcher", "go"));
  stage.settle();
  CHECK(texts(*watcher, Kind::down) == Texts{"no_actor"});
  CHECK(stage.engine.stop(target, StopVerb::stop));
  stage.settle();
  CHECK(texts(*watcher, Kind::down) == Texts{"no_actor", "stopped"});
  CHECK(watcher->got.back().from == "target");
}

TEST_CASE("a monitor that was taken back is told nothing, and one set anew is told again",
          "[core]") {
  Stage stage;
  stage.type("t");
  const auto target = stage.spawn("t", "target");
  const auto watcher = stage.type("w", [&](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.payload.text() == "watch") CHECK(context.monitor(target));
    if (envelope.payload.text() == "forget") {
      CHECK(context.demonitor(target));
      CHECK(context.demonitor(target).error() == Errc::no_sub);
    }
    return Handled::done;
  });
  stage.spawn("w", "watcher");
  CHECK(stage.send("watcher", "watch"));
  stage.settle();
  CHECK(stage.send("watcher", "forget"));
  CHECK(stage.engine.stop(target, StopVerb::stop));
  while (stage.engine.hosted_actors() > 1) stage.step();  // its `down` may be queued already
  stage.settle();
  CHECK(texts(*watcher, Kind::down).empty());
  CHECK(stage.send("watcher", "watch"));
  CHECK(stage.send("watcher", "watch"));
  stage.settle();
  CHECK(texts(*watcher, Kind::down) == Texts{"no_actor"});
  CHECK(stage.send("watcher", "watch"));
  stage.settle();
  CHECK(texts(*watcher, Kind::down) == Texts{"no_actor", "no_actor"});
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("once the intake is closed nothing new comes in and all actors can be stopped",
          "[core]") {
  Stage stage;
  stage.type("t");
  stage.spawn("t", "a");
  stage.spawn("t", "b");
  stage.engine.close_intake();
  CHECK(stage.send("a", "x").error() == Errc::stopping);
  CHECK(stage.publish("f/x", "x").error() == Errc::stopping);
  CHECK(stage.engine.spawn({.type = "t", .name = "c"}).error() == Errc::stopping);
  CHECK(stage.engine.is_quiet());
  stage.engine.stop_all();
  stage.settle();
  CHECK(stage.engine.hosted_actors() == 0);
  CHECK(stage.record.has("ended a shutdown"));
}

TEST_CASE("a refused fault at accept and spawn loses nothing", "[core]") {
  Stage stage;
  stage.type("t");
  stage.spawn("t", "a");
  stage.faults.fail(FaultSite::accept);
  CHECK(stage.send("a", "x").error() == Errc::mailbox_full);
  stage.faults.fail(FaultSite::spawn);
  CHECK(stage.engine.spawn({.type = "t", .name = "b"}).error() == Errc::actors_full);
  CHECK(stage.send("a", "x"));
  stage.settle();
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("actors are listed with their type, phase and parent", "[core]") {
  Stage stage;
  stage.type("t", [](Context& context, const Envelope&) -> Outcome {
    CHECK(context.spawn({.type = "t", .name = "child", .as_child = true}));
    return Handled::done;
  });
  stage.spawn("t", "root");
  CHECK(stage.send("root", "x"));
  stage.settle();
  const auto all = stage.engine.actors();
  REQUIRE(all.size() == 2);
  CHECK(all[0].name == "child");
  CHECK(all[0].parent == "root");
  CHECK(all[1].phase == "running");
  CHECK(all[1].ledger.handled == 1);
}
