// Parity: what the seed of this project could do and how we do it, where no other test says it.
// core/README.md names the test of each.
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;
using Texts = std::vector<std::string>;

namespace {

// Runs `act` for a send to `name`, of a type of its own.
std::shared_ptr<Script> actor(Stage& stage, const std::string& name,
                              const std::function<void(Context&)>& act) {
  auto script = stage.type(name, [act](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.kind == Kind::send && act) act(context);
    return Handled::done;
  });
  stage.spawn(name, name);
  return script;
}
void go(Stage& stage, std::string_view name) {
  CHECK(stage.send(name, "go"));
  CHECK(stage.settle());
}

}  // namespace

TEST_CASE("an engine that ends in order ends every actor once, children first", "[core]") {
  Stage stage;
  const auto script = stage.type("t");
  stage.type("parent", [](Context& context, const Envelope&) -> Outcome {
    CHECK(context.spawn({.type = "t", .name = "child", .as_child = true}));
    CHECK(context.set_timer(1h, 1h));
    return Handled::done;
  });
  stage.spawn("parent", "parent");
  stage.spawn("t", "alone");
  go(stage, "parent");
  stage.engine.close_intake();
  stage.engine.stop_all();
  CHECK(stage.settle());
  CHECK(stage.engine.hosted_actors() == 0);
  CHECK(stage.engine.stats().timers == 0);
  Texts ends;
  for (const auto& line : stage.record.lines) {
    if (line.starts_with("ended")) ends.push_back(line);
  }
  std::sort(ends.begin(), ends.end());
  CHECK(ends == Texts{"ended alone shutdown", "ended child shutdown", "ended parent shutdown"});
  CHECK(script->ends.size() == 2);
}

TEST_CASE("a spawn may bound its mailbox in messages and in bytes", "[core]") {
  Stage stage;
  const auto script = stage.type("t");
  CHECK(stage.engine.spawn({.type = "t", .name = "few", .mailbox = MailboxLimits{2, 1'000}}));
  CHECK(stage.engine.spawn({.type = "t", .name = "small", .mailbox = MailboxLimits{9, 10}}));
  CHECK(stage.engine.spawn({.type = "t",
                            .name = "newest",
                            .mailbox = MailboxLimits{1, 1'000},
                            .overflow = Overflow::drop_oldest}));
  for (const auto* text : {"1", "2"}) CHECK(stage.send("few", text));
  CHECK(stage.send("few", "3").error() == Errc::mailbox_full);
  CHECK(stage.send("small", "ten bytes!"));
  CHECK(stage.send("small", "x").error() == Errc::mailbox_full);
  for (const auto* text : {"4", "5"}) CHECK(stage.send("newest", text));
  stage.settle();
  CHECK(texts(*script, Kind::send) == Texts{"1", "2", "ten bytes!", "5"});
}

TEST_CASE("a name is found as an id, and an id never turns into another actor", "[core]") {
  Stage stage;
  stage.type("t");
  const auto id = stage.spawn("t", "a");
  CHECK(stage.engine.find("a") == id);
  CHECK(stage.engine.find("b").error() == Errc::no_actor);
  CHECK(stage.engine.stop(id, StopVerb::stop));
  stage.settle();
  const auto next = stage.spawn("t", "a");
  CHECK(next != id);
  CHECK(stage.engine.send(id, {}).error() == Errc::no_actor);
  CHECK(stage.engine.send(next, {}));
}

namespace {

class ConfiguredFactory final : public ActorFactory {
 public:
  explicit ConfiguredFactory(std::shared_ptr<Script> script) : script_(std::move(script)) {}
  std::expected<std::unique_ptr<Actor>, Failure> create(Context& context,
                                                        std::string_view config) override {
    configs.emplace_back(config);
    names.emplace_back(context.name());
    return std::make_unique<ScriptedActor>(script_);
  }
  Texts configs;
  Texts names;

 private:
  std::shared_ptr<Script> script_;
};

}  // namespace

TEST_CASE("an actor is made in its own first turn, with its spawn's config, and again after a fail",
          "[core]") {
  Stage stage;
  auto script = std::make_shared<Script>();
  script->receive = [](Context&, const Envelope& envelope) -> Outcome {
    if (envelope.payload.text() == "bad") return std::unexpected(Failure{"bad"});
    return Handled::done;
  };
  const auto factory = std::make_shared<ConfiguredFactory>(script);
  ActorType type;
  type.name = "t";
  type.factory = factory;
  const auto added = stage.engine.add_type(std::move(type));
  CHECK(added);
  CHECK(stage.engine.spawn({.type = "t", .name = "a", .config = "depth=5"}));
  CHECK(factory->configs.empty());  // nothing of it runs in the spawner's turn
  CHECK(stage.send("a", "first"));
  stage.settle();
  CHECK(stage.send("a", "bad"));
  stage.advance(1s);
  CHECK(factory->configs == Texts{"depth=5", "depth=5"});
  CHECK(factory->names == Texts{"a", "a"});
  CHECK(script->ends == std::vector{EndReason::failed});
}

TEST_CASE("an actor's send and publish show the actor as their sender, by id and by name",
          "[core]") {
  Stage stage;
  const auto receiver = actor(stage, "receiver", {});
  receiver->create = {};
  const auto id = *stage.engine.find("receiver");
  stage.type("listener")->create = [](Context& context) -> Outcome {
    CHECK(context.subscribe(*Pattern::parse("speaker/news")));
    return Handled::done;
  };
  stage.spawn("listener", "listener");
  actor(stage, "speaker", [id](Context& context) {
    CHECK(context.send(id, {"greeting", Payload("by id")}));
    CHECK(context.send("receiver", {"greeting", Payload("by name")}));
    CHECK(context.publish("news", {{}, Payload("news")}));
    CHECK(context.send("nobody", {}).error() == Errc::no_actor);
  });
  go(stage, "speaker");
  REQUIRE(receiver->got.size() == 2);
  for (const Got& got : receiver->got) {
    CHECK(got.from == "speaker");
    CHECK(got.sender == *stage.engine.find("speaker"));
    CHECK(got.type == "greeting");
  }
  CHECK(texts(*receiver, Kind::send) == Texts{"by id", "by name"});
}

TEST_CASE("a publish is told from a send by its kind, its address, its number and its sender",
          "[core]") {
  Stage stage;
  const auto hearer = actor(stage, "hearer", {});
  actor(stage, "speaker", [](Context& context) {
    CHECK(context.publish("", {{}, Payload("published")}));
    CHECK(context.send("hearer", {{}, Payload("sent")}));
  });
  auto script = std::make_shared<Script>();
  Cell& client = stage.client("c", script);
  CHECK(stage.engine.context_of(client).subscribe(*Pattern::parse("speaker")));
  go(stage, "speaker");
  REQUIRE(script->got.size() == 1);
  CHECK(script->got[0].kind == Kind::publish);
  CHECK(script->got[0].address == "speaker/default");
  CHECK(script->got[0].seq == 1);
  CHECK(script->got[0].from == "speaker");
  REQUIRE(hearer->got.size() == 1);
  CHECK(hearer->got[0].kind == Kind::send);
  CHECK(hearer->got[0].address.empty());
}

TEST_CASE("subscribers hear a publish in the order in which they subscribed", "[core]") {
  Stage stage;
  Texts heard;
  for (const std::string name : {"c", "a", "b"}) {
    stage
        .type(name,
              [&heard](Context& context, const Envelope&) -> Outcome {
                heard.emplace_back(context.name());
                return Handled::done;
              })
        ->create = [](Context& context) -> Outcome {
      CHECK(context.subscribe(*Pattern::parse(context.name() == "a" ? "feed/*" : "feed/x")));
      return Handled::done;
    };
    stage.spawn(name, name);
  }
  for (int i = 0; i < 2; ++i) CHECK(stage.publish("feed/x", "x")->matched == 3);
  stage.settle();
  CHECK(heard == Texts{"c", "c", "a", "a", "b", "b"});
}

TEST_CASE("a large payload is the same bytes at its sender and at every receiver", "[core]") {
  Stage stage;
  std::set<const void*> places;
  std::size_t deliveries = 0;
  stage
      .type("t",
            [&](Context&, const Envelope& envelope) -> Outcome {
              places.insert(envelope.payload.data());
              ++deliveries;
              return Handled::done;
            })
      ->create = [](Context& context) -> Outcome {
    CHECK(context.subscribe(*Pattern::parse("feed/x")));
    return Handled::done;
  };
  for (int i = 0; i < 10; ++i) stage.spawn("t", "a" + std::to_string(i));
  const Payload payload(std::string(10'000, 'x'));
  CHECK(stage.engine.publish(*Address::parse("feed/x"), {{}, payload}, "test")->matched == 10);
  CHECK(stage.engine.send("a0", {{}, payload}, "test"));
  stage.settle();
  CHECK(deliveries == 11);
  CHECK(places == std::set<const void*>{payload.data()});
}

TEST_CASE("unsubscribing twice, or what somebody else holds, is refused and changes nothing",
          "[core]") {
  Stage stage;
  SubscriptionId of_other{};
  const auto other = stage.type("other");
  other->create = [&](Context& context) -> Outcome {
    of_other = context.subscribe(*Pattern::parse("feed/x"))->id;
    return Handled::done;
  };
  stage.spawn("other", "other");
  actor(stage, "a", [&](Context& context) {
    const auto mine = context.subscribe(*Pattern::parse("feed/x"))->id;
    CHECK(context.unsubscribe(mine));
    CHECK(context.unsubscribe(mine).error() == Errc::no_sub);
    CHECK(context.unsubscribe(of_other).error() == Errc::no_sub);
  });
  go(stage, "a");
  CHECK(stage.publish("feed/x", "x")->matched == 1);
}

TEST_CASE("a detached child lives on when its parent ends, under no supervisor", "[core]") {
  Stage stage;
  stage.type("child");
  stage.type("stranger");
  const auto stranger = stage.spawn("stranger", "stranger");
  actor(stage, "parent", [&](Context& context) {
    const auto kept = context.spawn({.type = "child", .name = "kept", .as_child = true});
    const auto freed = context.spawn({.type = "child", .name = "freed", .as_child = true});
    CHECK(kept);
    CHECK(context.detach(freed->id));
    CHECK(context.detach(freed->id).error() == Errc::no_actor);
    CHECK(context.detach(stranger).error() == Errc::no_actor);
  });
  go(stage, "parent");
  CHECK(stage.engine.stop(*stage.engine.find("parent"), StopVerb::stop));
  stage.settle();
  CHECK_FALSE(stage.engine.find("kept"));
  CHECK(stage.engine.find("freed"));
  CHECK(stage.send("freed", "hello"));
  stage.settle();
  CHECK(stage.engine.actors().front().parent.empty());
}

TEST_CASE("a timer's message waits its turn behind the mail before it", "[core]") {
  Stage stage;
  const auto script = actor(stage, "a", {});
  script->receive = [](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.payload.text() == "go") CHECK(context.set_timer(1s));
    return Handled::done;
  };
  go(stage, "a");
  CHECK(stage.send("a", "before"));
  stage.clock.set(stage.clock.now() + 1s);
  (void)stage.engine.fire_due(stage.clock.now());
  CHECK(stage.send("a", "behind"));
  stage.settle();
  std::vector<Kind> order;
  for (const Got& got : script->got) order.push_back(got.kind);
  CHECK(order == std::vector{Kind::send, Kind::send, Kind::timer, Kind::send});
}

TEST_CASE("a request to an unknown actor is refused at once, and nobody waits", "[core]") {
  Stage stage;
  actor(stage, "a", [](Context& context) {
    CHECK(context.resolve("nobody").error() == Errc::no_actor);
    CHECK(context.request(ActorId{77, 1}, {}).error() == Errc::no_actor);
  });
  go(stage, "a");
  CHECK(stage.engine.stats().timers == 0);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("one publish reaches everyone who asked for that topic of any actor", "[core]") {
  Stage stage;
  const auto script = stage.type("t");
  script->create = [](Context& context) -> Outcome {
    CHECK(context.subscribe(*Pattern::parse("*/alarm")));
    return Handled::done;
  };
  for (const auto* name : {"one", "two", "three"}) stage.spawn("t", name);
  actor(stage, "speaker", [](Context& context) { CHECK(context.publish("alarm", {})); });
  go(stage, "speaker");
  CHECK(texts(*script, Kind::publish).size() == 3);
}
