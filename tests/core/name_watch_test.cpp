// Watching a name: told once of the end of whoever holds it; passivation and restarts are no end.
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using backstage::test::Script;
using backstage::test::Stage;

namespace {

using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

// A client that watches.
struct Watcher {
  explicit Watcher(Stage& stage, std::string_view name = "watcher")
      : script(std::make_shared<Script>()), cell(stage.client(name, script)), stage_(stage) {
    (void)stage.settle();
  }
  Result<void> watch(std::string_view name) { return stage_.engine.context_of(cell).watch(name); }
  Result<void> unwatch(std::string_view name) {
    return stage_.engine.context_of(cell).unwatch(name);
  }
  // The ends it was told of since it was last asked: "counter stopped".
  Texts told() {
    (void)stage_.settle();
    Texts all;
    for (const auto& got : script->got) {
      if (got.kind == Kind::down) all.push_back(got.from + " " + got.text);
    }
    script->got.clear();
    return all;
  }
  std::shared_ptr<Script> script;
  Cell& cell;

 private:
  Stage& stage_;
};

// A stage with a rule: `book:x` is made when it is needed and passivated after a minute.
struct WithRule : Stage {
  WithRule() {
    script = type("book");
    ActivationRule rule;
    rule.activate = "book:{1}";
    rule.type = "book";
    rule.idle = 1min;
    REQUIRE(engine.add_activation(rule));
  }
  void use(std::string_view name) {
    REQUIRE(send(name, "x"));
    (void)settle();
  }
  void pass_idle_time() {
    advance(1min);
    advance(1min);
    advance(1min);
  }
  std::shared_ptr<Script> script;
};

}  // namespace

TEST_CASE("the end of a watched name is told once, with its reason", "[core]") {
  Stage stage;
  (void)stage.type("counter");
  const auto id = stage.spawn("counter", "counter");
  Watcher watcher(stage);
  CHECK(watcher.watch("counter"));
  CHECK(watcher.watch("counter"));
  REQUIRE(stage.engine.stop(id, StopVerb::stop));
  CHECK(watcher.told() == Texts{"counter stopped"});
  const auto again = stage.spawn("counter", "counter");
  REQUIRE(stage.engine.stop(again, StopVerb::kill));
  CHECK(watcher.told().empty());
  CHECK(watcher.unwatch("counter").error() == Errc::no_sub);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("a name that nobody holds and no rule makes is not watched", "[core]") {
  Stage stage;
  Watcher watcher(stage);
  CHECK(watcher.watch("nosuch").error() == Errc::no_actor);
  CHECK(watcher.unwatch("nosuch").error() == Errc::no_sub);
}

TEST_CASE("what is not watched any more is not told", "[core]") {
  Stage stage;
  (void)stage.type("counter");
  const auto id = stage.spawn("counter", "counter");
  Watcher watcher(stage);
  CHECK(watcher.watch("counter"));
  CHECK(watcher.unwatch("counter"));
  REQUIRE(stage.engine.stop(id, StopVerb::stop));
  CHECK(watcher.told().empty());
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("a restart is no end, and parking is", "[core]") {
  Stage stage;
  const auto fail = [](Context&, const Envelope&) -> Outcome {
    return std::unexpected(Failure{"as it was told"});
  };
  (void)stage.type("fragile", fail);
  (void)stage.spawn("fragile", "fragile");
  Watcher watcher(stage);
  CHECK(watcher.watch("fragile"));
  (void)stage.send("fragile", "x");
  stage.advance(1s);
  CHECK(stage.record.has("restarting fragile"));
  CHECK(watcher.told().empty());
  for (int i = 0; i < 4; ++i) {
    (void)stage.send("fragile", "x");
    stage.advance(1s);
  }
  CHECK(watcher.told() == Texts{"fragile parked"});
  CHECK(watcher.watch("fragile").error() == Errc::parked);
}

TEST_CASE("a client's end is told to who watches its name", "[core]") {
  Stage stage;
  Watcher watcher(stage);
  Watcher other(stage, "other");
  CHECK(watcher.watch("other"));
  other.cell.signal(Signal::disconnect, other.cell.id());
  CHECK(watcher.told() == Texts{"other disconnected"});
}

TEST_CASE("passivation is no end: the next that gets the name is watched", "[core]") {
  WithRule stage;
  Watcher watcher(stage);
  stage.use("book:a");
  CHECK(watcher.watch("book:a"));
  for (int round = 0; round < 3; ++round) {
    stage.pass_idle_time();
    CHECK(stage.script->ends.back() == EndReason::passivated);
    CHECK_FALSE(stage.engine.find("book:a"));
    stage.use("book:a");
  }
  CHECK(watcher.told().empty());
  REQUIRE(stage.engine.stop(*stage.engine.find("book:a"), StopVerb::stop));
  CHECK(watcher.told() == Texts{"book:a stopped"});
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("a name that a rule makes is watched before anybody needed it", "[core]") {
  WithRule stage;
  Watcher watcher(stage);
  CHECK(watcher.watch("book:b"));
  CHECK_FALSE(stage.engine.find("book:b"));
  CHECK(watcher.watch("other:b").error() == Errc::no_actor);
  stage.use("book:b");
  REQUIRE(stage.engine.stop(*stage.engine.find("book:b"), StopVerb::kill));
  CHECK(watcher.told() == Texts{"book:b killed"});
}

TEST_CASE("a watch that waits is taken back, and ends with who watches", "[core]") {
  WithRule stage;
  Watcher watcher(stage);
  Watcher leaving(stage, "leaving");
  CHECK(watcher.watch("book:c"));
  CHECK(leaving.watch("book:c"));
  CHECK(watcher.unwatch("book:c"));
  leaving.cell.signal(Signal::disconnect, leaving.cell.id());
  (void)stage.settle();
  stage.use("book:c");
  REQUIRE(stage.engine.stop(*stage.engine.find("book:c"), StopVerb::stop));
  CHECK(watcher.told().empty());
  // A notice to who has left would have been refused.
  CHECK(stage.ledger().refused[static_cast<std::size_t>(Errc::no_actor)] == 0);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("names watched by one actor are limited", "[core]") {
  Limits limits;
  limits.monitors_per_actor_max = 2;
  Stage stage(limits);
  (void)stage.type("counter");
  for (const auto* name : {"a", "b", "c"}) (void)stage.spawn("counter", name);
  Watcher watcher(stage);
  CHECK(watcher.watch("a"));
  CHECK(watcher.watch("b"));
  CHECK(watcher.watch("c").error() == Errc::subs_full);
  CHECK(watcher.unwatch("a"));
  CHECK(watcher.watch("c"));
}
