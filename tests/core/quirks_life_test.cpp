// Quirks of lives: mistakes of this project's seed about beginnings, ends and what belongs to whom.
// core/README.md numbers them and names the test of each.
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;
using Texts = std::vector<std::string>;

namespace {

std::size_t ends_of(const Stage& stage, std::string_view name) {
  const std::string prefix = "ended " + std::string(name) + " ";
  const auto& lines = stage.record.lines;
  return static_cast<std::size_t>(std::count_if(
      lines.begin(), lines.end(), [&](const auto& line) { return line.starts_with(prefix); }));
}

// A child of `parent` with the spawner's type, or a failure; anything else is just taken.
Outcome obey(Context& context, const Envelope& envelope) {
  const auto text = envelope.payload.text();
  if (envelope.type == "child") {
    CHECK(context.spawn({.type = "t", .name = text, .as_child = true}));
  }
  if (text == "bad") return std::unexpected(Failure{"bad"});
  if (text == "leave") context.stop_self();
  if (text == "drain yourself") CHECK(context.stop(context.self(), StopVerb::drain));
  return Handled::done;
}

}  // namespace

TEST_CASE("an actor's end runs exactly once for each self, whichever way it ends", "[core]") {
  using Way = std::function<void(Stage&, ActorId self, ActorId parent)>;
  const auto say = [](const char* text) -> Way {
    return [text](Stage& stage, ActorId self, ActorId) {
      CHECK(stage.engine.send(self, {{}, Payload(text)}));
    };
  };
  const std::vector<std::pair<EndReason, Way>> ways{
      {EndReason::stopped,
       [](Stage& it, ActorId self, ActorId) { CHECK(it.engine.stop(self, StopVerb::stop)); }},
      {EndReason::drained,
       [](Stage& it, ActorId self, ActorId) { CHECK(it.engine.stop(self, StopVerb::drain)); }},
      {EndReason::killed,
       [](Stage& it, ActorId self, ActorId) { CHECK(it.engine.stop(self, StopVerb::kill)); }},
      {EndReason::stopped,
       [](Stage& it, ActorId, ActorId parent) { CHECK(it.engine.stop(parent, StopVerb::stop)); }},
      {EndReason::killed,
       [](Stage& it, ActorId, ActorId parent) { CHECK(it.engine.stop(parent, StopVerb::kill)); }},
      {EndReason::shutdown, [](Stage& it, ActorId, ActorId) { it.engine.stop_all(); }},
      {EndReason::stopped, say("leave")},
      {EndReason::drained, say("drain yourself")},
      {EndReason::failed, say("bad")}};
  for (std::size_t i = 0; i < ways.size(); ++i) {
    CAPTURE(i);
    Stage stage;
    const auto script = stage.type("t", obey);
    stage.type("parent", obey);
    const auto parent = stage.spawn("parent", "parent");
    CHECK(stage.send("parent", "child", "child"));
    stage.settle();
    ways[i].second(stage, *stage.engine.find("child"), parent);
    stage.settle();
    CHECK(script->ends == std::vector{ways[i].first});
    stage.advance(1h);
    const bool is_made_anew = ways[i].first == EndReason::failed;
    CHECK(script->created == (is_made_anew ? 2 : 1));
    CHECK(script->ends.size() == 1);
    CHECK(ends_of(stage, "child") == (is_made_anew ? 0 : 1));
  }
}

TEST_CASE("an actor that drains itself in its own handler handles its mail and ends once",
          "[core]") {
  Stage stage;
  const auto script = stage.type("t", obey);
  stage.spawn("t", "a");
  for (const auto* text : {"drain yourself", "1", "leave", "2"}) CHECK(stage.send("a", text));
  stage.settle();
  CHECK(texts(*script, Kind::send) == Texts{"drain yourself", "1", "leave"});
  CHECK(script->ends.size() == 1);
  CHECK(stage.ledger().dead_lettered == 1);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("timers of an actor that ended never reach the next actor in its place", "[core]") {
  Stage stage;
  const auto script = stage.type("t", [](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.kind == Kind::send) CHECK(context.set_timer(1s, 1s));
    return Handled::done;
  });
  const auto first = stage.spawn("t", "a");
  CHECK(stage.send("a", "go"));
  stage.advance(1s);
  CHECK(texts(*script, Kind::timer).size() == 1);
  CHECK(stage.engine.stop(first, StopVerb::kill));
  stage.settle();
  const auto second = stage.spawn("t", "a");
  CHECK(second.slot == first.slot);
  stage.advance(1h);
  CHECK(texts(*script, Kind::timer).size() == 1);
}

TEST_CASE("an engine destroyed in the middle of everything frees it all", "[core]") {
  auto script = std::make_shared<Script>();
  {
    Stage stage;
    stage.type("t", [](Context& context, const Envelope& envelope) -> Outcome {
      if (envelope.kind != Kind::send) return Handled::done;
      if (envelope.payload.text() == "bad") return std::unexpected(Failure{"bad"});
      if (envelope.payload.text() != "go") return Handled::done;
      CHECK(context.spawn({.type = "t", .name = "child", .as_child = true}));
      CHECK(context.set_timer(1s, 1s));
      CHECK(context.subscribe(*Pattern::parse("*/>")));
      CHECK(context.monitor(*context.resolve("failing")));
      CHECK(context.request(*context.resolve("failing"), {}));
      CHECK(context.publish("x", {{}, Payload(std::string(5'000, 'x'))}, {.retain = true}));
      return Handled::done;
    });
    stage.spawn("t", "failing");
    stage.spawn("t", "a");
    stage.client("c", script);
    CHECK(stage.send("a", "go"));
    stage.settle();
    CHECK(stage.send("failing", "bad"));
    stage.settle();
    for (const auto* name : {"a", "child", "failing", "c"}) {
      CAPTURE(name);
      const auto sent = stage.send(name, std::string(5'000, 'y'));
      CHECK((sent ? "sent" : token(sent.error())) == "sent");
    }
    CHECK(stage.engine.stop(*stage.engine.find("a"), StopVerb::drain));
    stage.step();
  }
  CHECK(script.use_count() == 1);  // and with it everything the engine held of it
}

TEST_CASE("children whose parent is gone without having stopped them end with the engine",
          "[core]") {
  Stage stage;
  stage.type("child");
  const auto careless = stage.type("careless");
  careless->ended = [](Context& context, EndReason) {
    CHECK(context.spawn({.type = "child", .name = "late", .as_child = true}));
  };
  CHECK(stage.engine.stop(stage.spawn("careless", "careless"), StopVerb::stop));
  stage.settle();
  // Its handler does not return: it is killed, then abandoned, and so are its children's orders.
  stage.type("hung", [&](Context& context, const Envelope&) -> Outcome {
    CHECK(context.spawn({.type = "child", .name = "orphan", .as_child = true}));
    CHECK(stage.engine.stop(context.self(), StopVerb::kill));
    stage.clock.set(stage.clock.now() + kill_deadline);
    (void)stage.engine.fire_due(stage.clock.now());
    CHECK(stage.record.has("abandoned hung"));
    stage.engine.close_intake();
    stage.engine.stop_all();
    CHECK(stage.settle());
    CHECK_FALSE(stage.engine.find("late"));
    CHECK_FALSE(stage.engine.find("orphan"));
    return Handled::done;
  });
  stage.spawn("hung", "hung");
  CHECK(stage.send("hung", "go"));
  CHECK(stage.settle());
  CHECK(stage.engine.hosted_actors() == 0);
}

TEST_CASE("an actor may read its name, send and publish while it ends", "[core]") {
  Stage stage;
  const auto hearer = stage.type("hearer");
  hearer->create = [](Context& context) -> Outcome {
    CHECK(context.subscribe(*Pattern::parse("a/goodbye")));
    return Handled::done;
  };
  stage.spawn("hearer", "hearer");
  const auto script = stage.type("t");
  script->ended = [](Context& context, EndReason) {
    const Payload name(context.name());
    CHECK(context.send("hearer", {{}, name}));
    CHECK(context.publish("goodbye", {{}, name})->matched == 1);
    CHECK(context.now() > TimePoint{});
  };
  for (const auto verb : {StopVerb::stop, StopVerb::drain, StopVerb::kill}) {
    hearer->got.clear();
    CHECK(stage.engine.stop(stage.spawn("t", "a"), verb));
    stage.settle();
    CHECK(texts(*hearer, Kind::send) == Texts{"a"});
    CHECK(texts(*hearer, Kind::publish) == Texts{"a"});
  }
}

TEST_CASE("spawning a held name as a child adopts nobody", "[core]") {
  Stage stage;
  stage.type("t", obey);
  const auto first = stage.spawn("t", "first");
  const auto second = stage.spawn("t", "second");
  CHECK(stage.send("first", "kid", "child"));
  stage.settle();
  CHECK(stage.send("second", "kid", "child"));
  stage.settle();
  CHECK(stage.engine.actors()[1].name == "kid");
  CHECK(stage.engine.actors()[1].parent == "first");
  CHECK(stage.engine.stop(second, StopVerb::kill));
  stage.settle();
  CHECK(stage.engine.find("kid"));
  CHECK(stage.engine.stop(first, StopVerb::kill));
  stage.settle();
  CHECK_FALSE(stage.engine.find("kid"));
  CHECK(ends_of(stage, "kid") == 1);
}
