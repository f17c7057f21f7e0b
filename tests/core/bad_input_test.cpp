// Bad input: types, configs, limits, sizes and ids that cannot be end in an error with a code, and
// the engine goes on.
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;
using Texts = std::vector<std::string>;

namespace {

// An actor that runs `act` for every send, and the stage it lives on.
struct Lab {
  explicit Lab(const std::function<void(Context&)>& act, Limits limits = {}) : stage(limits) {
    script = stage.type("lab", [act](Context& context, const Envelope& envelope) -> Outcome {
      if (envelope.kind == Kind::send) act(context);
      return Handled::done;
    });
    id = stage.spawn("lab", "lab");
  }
  void run() {
    CHECK(stage.send("lab", "go"));
    CHECK(stage.settle());
    CHECK(stage.ledger().is_balanced());
  }
  Stage stage;
  std::shared_ptr<Script> script;
  ActorId id;
};

}  // namespace

TEST_CASE("a type that nobody registered is refused at the root, as a child and in a group",
          "[core]") {
  Lab lab([](Context& context) {
    CHECK(context.spawn({.type = "ghost", .name = "a"}).error() == Errc::no_type);
    CHECK(context.spawn({.type = "ghost", .name = "a", .as_child = true}).error() == Errc::no_type);
    const std::array group{SpawnRequest{.type = "lab", .name = "one"},
                           SpawnRequest{.type = "ghost", .name = "two"}};
    CHECK(context.spawn_group(group).error() == Errc::no_type);
    CHECK(context.spawn_group({}).error() == Errc::bad_arg);
  });
  lab.run();
  CHECK_FALSE(lab.stage.engine.find("a"));
  CHECK_FALSE(lab.stage.engine.find("one"));  // all or none
  CHECK(lab.stage.engine.remove_type("lab"));
  CHECK(lab.stage.engine.spawn({.type = "lab", .name = "b"}).error() == Errc::no_type);
  lab.run();  // who lives keeps its type
}

TEST_CASE("a group with one name twice, or with a held one, is refused whole", "[core]") {
  Lab lab([](Context& context) {
    const std::array twice{SpawnRequest{.type = "lab", .name = "one"},
                           SpawnRequest{.type = "lab", .name = "one"}};
    CHECK(context.spawn_group(twice).error() == Errc::name_in_use);
    const std::array held{SpawnRequest{.type = "lab", .name = "two"},
                          SpawnRequest{.type = "lab", .name = "lab"}};
    CHECK(context.spawn_group(held).error() == Errc::name_in_use);
  });
  lab.run();
  CHECK(lab.stage.engine.hosted_actors() == 1);
}

namespace {

// Takes one config and tells what is wrong with any other.
class PickyFactory final : public ActorFactory {
 public:
  std::expected<std::unique_ptr<Actor>, Failure> create(Context&,
                                                        std::string_view config) override {
    if (config == "good") return std::make_unique<ScriptedActor>(std::make_shared<Script>());
    return std::unexpected(Failure{"config is \"" + std::string(config) + "\", not \"good\""});
  }
};

}  // namespace

TEST_CASE("a config that its type refuses is told to the spawner, and the actor is parked",
          "[core]") {
  Stage stage;
  ActorType picky;
  picky.name = "picky";
  picky.factory = std::make_shared<PickyFactory>();
  const auto added = stage.engine.add_type(std::move(picky));
  CHECK(added);
  const auto spawner = stage.type("s", [](Context& context, const Envelope& envelope) -> Outcome {
    const auto config = envelope.payload.text();
    if (envelope.kind != Kind::send) return Handled::done;
    CHECK(context.spawn({.type = "picky", .name = config, .config = config, .tell_started = true}));
    return Handled::done;
  });
  stage.spawn("s", "s");
  for (const auto* config : {"good", "bad"}) CHECK(stage.send("s", config));
  stage.advance(1min);
  CHECK(texts(*spawner, Kind::started) == Texts{"", "config is \"bad\", not \"good\""});
  CHECK(stage.send("good", "x"));
  CHECK(stage.send("bad", "x").error() == Errc::parked);
  CHECK(stage.engine.stop(*stage.engine.find("bad"), StopVerb::stop));
  stage.settle();
  CHECK(stage.engine.spawn({.type = "picky", .name = "bad", .config = "good"}));
  stage.settle();
  CHECK(stage.send("bad", "x"));
}

TEST_CASE("a mailbox without room is refused by type and by spawn, and a client's refuses mail",
          "[core]") {
  Lab lab([](Context& context) {
    for (const MailboxLimits limits : {MailboxLimits{0, 1}, MailboxLimits{1, 0}}) {
      CHECK(context.spawn({.type = "lab", .name = "a", .mailbox = limits}).error() ==
            Errc::bad_arg);
    }
    CHECK(context.spawn({.type = "lab", .name = "a", .overflow = Overflow::kick}).error() ==
          Errc::bad_arg);
  });
  lab.run();
  for (const MailboxLimits limits : {MailboxLimits{0, 1}, MailboxLimits{1, 0}}) {
    ActorType type;
    type.name = "none";
    type.mailbox = limits;
    const auto added = lab.stage.engine.add_type(std::move(type));
    CHECK(added.error() == Errc::bad_arg);
  }
  auto script = std::make_shared<Script>();
  Cell& client = lab.stage.client("c", script, {{0, 0}, Overflow::reject, true});
  CHECK(lab.stage.send("c", "x").error() == Errc::mailbox_full);
  CHECK(lab.stage.engine.context_of(client).set_timer(1s));
  lab.stage.advance(1s);
  CHECK(texts(*script, Kind::timer).size() == 1);  // what is reserved is there all the same
}

TEST_CASE("supervision out of range is refused with its type", "[core]") {
  const std::vector<std::function<void(Supervision&)>> mistakes{
      [](Supervision& it) { it.backoff_min = Duration(-1); },
      [](Supervision& it) { it.backoff_max = it.backoff_min - Duration(1); },
      [](Supervision& it) { it.healthy_after = Duration(-1); },
      [](Supervision& it) { it.stop_deadline = Duration::min(); },
      [](Supervision& it) { it.period = Duration(-1); },
      [](Supervision& it) { it.jitter_percent = 101; },
      [](Supervision& it) { it.restart = static_cast<Restart>(7); },
      [](Supervision& it) { it.strategy = static_cast<Strategy>(7); }};
  Stage stage;
  for (std::size_t i = 0; i < mistakes.size(); ++i) {
    CAPTURE(i);
    ActorType type;
    type.name = "t";
    mistakes[i](type.supervision);
    const auto added = stage.engine.add_type(std::move(type));
    CHECK(added.error() == Errc::bad_arg);
  }
}

TEST_CASE("a payload one byte over the limit is refused by every verb that takes one", "[core]") {
  Lab lab([](Context& context) {
    const Payload big(std::string(payload_bytes_max + 1, 'x'));
    CHECK(context.send(context.self(), {{}, big}).error() == Errc::too_large);
    CHECK(context.request(ActorId{77, 1}, {{}, big}).error() == Errc::too_large);
    CHECK(context.reply({context.self(), RequestId{1}}, {{}, big}).error() == Errc::too_large);
    CHECK(context.publish("x", {{}, big}).error() == Errc::too_large);
    CHECK(context.publish("x", {{}, big}, {.retain = true}).error() == Errc::too_large);
  });
  lab.run();
  CHECK(lab.stage.engine.stats().retained_bytes == 0);
}

TEST_CASE("an id that names nobody is refused by every verb that takes one", "[core]") {
  Lab lab([](Context& context) {
    const ActorId self = context.self();
    const std::array strangers{nobody, ActorId{~0U, ~0U}, ActorId{77, 1},
                               ActorId{self.slot, self.generation + 1}};
    for (const ActorId id : strangers) {
      CHECK(context.send(id, {}).error() == Errc::no_actor);
      CHECK(context.request(id, {}).error() == Errc::no_actor);
      CHECK(context.stop(id, StopVerb::kill).error() == Errc::no_actor);
      CHECK(context.detach(id).error() == Errc::no_actor);
      CHECK(context.reply({id, RequestId{1}}, {}).error() == Errc::no_request);
      CHECK(context.reply_error({id, RequestId{1}}, Errc::timeout, "").error() == Errc::no_request);
      CHECK(context.demonitor(id).error() == Errc::no_sub);
    }
    CHECK(context.detach(self).error() == Errc::no_actor);
    CHECK(context.unsubscribe(SubscriptionId{0}).error() == Errc::no_sub);
    CHECK(context.unsubscribe(SubscriptionId{~0ULL}).error() == Errc::no_sub);
    CHECK(context.cancel_timer(TimerId{0}).error() == Errc::no_timer);
    CHECK(context.cancel_timer(TimerId{~0ULL}).error() == Errc::no_timer);
  });
  lab.run();
  for (const ActorId id : {nobody, ActorId{~0U, ~0U}, ActorId{77, 1}}) {
    CHECK(lab.stage.engine.send(id, {}).error() == Errc::no_actor);
    CHECK(lab.stage.engine.stop(id, StopVerb::drain).error() == Errc::no_actor);
    CHECK(lab.stage.engine.unpark(id).error() == Errc::no_actor);
    CHECK_FALSE(lab.stage.engine.is_client(id));
  }
}
