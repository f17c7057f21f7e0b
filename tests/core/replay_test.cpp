// Replay: dead letters go to their target again, or stay and say why.
#include <string>

#include "core/replay.hpp"
#include "tests/core/fragile.hpp"
#include "tests/support/catch.hpp"

namespace backstage::test {

TEST_CASE("a replayed letter is a new acceptance with its id, sender and attempts") {
  Stage stage;
  const auto is_broken = std::make_shared<bool>(true);
  auto script = fragile(stage, is_broken);
  stage.spawn("fragile", "vase");
  const auto id = stage.send("vase", "bad", "note");
  REQUIRE(id);
  stage.settle();
  const auto before = stage.ledger();
  SECTION("it is handled when the fault is mended") {
    *is_broken = false;
    const auto report = stage.engine.replay({.id = *id});
    CHECK(report.replayed == 1);
    CHECK(report.refused == 0);
    stage.settle();
    REQUIRE(script->got.size() == 2);
    CHECK(script->got[1].text == "bad");
    CHECK(script->got[1].from == "test");
    CHECK(script->got[1].type == "note");
    CHECK(stage.engine.dead_letters().empty());
    const auto counts = stage.engine.letter_counts(DeadCause::failed);
    CHECK(counts.replayed == 1);
    CHECK(adds_up(counts));
  }
  SECTION("it is a dead letter again, with one attempt more, when it is not") {
    REQUIRE(stage.engine.replay({}).replayed == 1);
    stage.settle();
    const auto letters = stage.engine.dead_letters();
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].id == *id);
    CHECK(letters[0].attempts == 2);
    CHECK(stage.engine.letter_counts(DeadCause::failed).buried == 2);
  }
  CHECK(stage.ledger().accepted == before.accepted + 1);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("a replayed request is a send, because its asker has had its error") {
  Stage stage;
  const auto is_broken = std::make_shared<bool>(true);
  auto script = fragile(stage, is_broken);
  const ActorId vase = stage.spawn("fragile", "vase");
  auto asker = std::make_shared<Script>();
  Cell& cell = stage.client("asker", asker);
  REQUIRE(stage.engine.context_of(cell).request(vase, {{}, Payload("bad")}));
  stage.settle();
  REQUIRE(asker->got.size() == 1);
  CHECK(asker->got[0].error == Errc::actor_failed);
  CHECK(stage.engine.dead_letters().at(0).kind == Kind::request);
  *is_broken = false;
  REQUIRE(stage.engine.replay({}).replayed == 1);
  stage.settle();
  REQUIRE(script->got.size() == 2);
  CHECK(script->got[1].kind == Kind::send);
  CHECK(script->got[1].from == "asker");
  CHECK(script->got[1].sender == cell.id());
  stage.advance(1min);
  CHECK(asker->got.size() == 1);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("a replayed publish goes to that one actor, with its address and number") {
  Stage stage;
  const auto is_broken = std::make_shared<bool>(true);
  auto script = fragile(stage, is_broken);
  script->create = [](Context& context) -> Outcome {
    (void)context.subscribe(*Pattern::parse("feed/x"));
    return Handled::done;
  };
  stage.spawn("fragile", "vase");
  auto other = std::make_shared<Script>();
  Cell& client = stage.client("other", other);
  REQUIRE(stage.engine.context_of(client).subscribe(*Pattern::parse("feed/x")));
  REQUIRE(stage.publish("feed/x", "bad"));
  REQUIRE(stage.publish("feed/x", "later"));
  stage.settle();
  CHECK(other->got.size() == 2);
  *is_broken = false;
  REQUIRE(stage.engine.replay({}).replayed == 1);
  stage.settle();
  REQUIRE(script->got.size() == 3);
  CHECK(script->got[2].kind == Kind::publish);
  CHECK(script->got[2].address == "feed/x");
  CHECK(script->got[2].seq == 1);
  CHECK(script->got[2].text == "bad");
  CHECK(other->got.size() == 2);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("replay makes the actor by its activation rule, as any message would") {
  Stage stage;
  const auto is_broken = std::make_shared<bool>(true);
  auto script = fragile(stage, is_broken);
  ActivationRule rule;
  rule.activate = "vase:{1}";
  rule.type = "fragile";
  REQUIRE(stage.engine.add_activation(rule));
  REQUIRE(stage.send("vase:ming", "bad"));
  stage.settle();
  REQUIRE(stage.engine.stop(*stage.engine.find("vase:ming"), StopVerb::stop));
  stage.settle();
  REQUIRE_FALSE(stage.engine.find("vase:ming"));
  *is_broken = false;
  REQUIRE(stage.engine.replay({.target = "vase:ming"}).replayed == 1);
  stage.settle();
  CHECK(stage.engine.find("vase:ming"));
  CHECK(texts(*script, Kind::send) == std::vector<std::string>{"bad", "bad"});
}

TEST_CASE("what is refused stays as it was, in its order, and the answer says why") {
  Stage stage;
  const auto is_broken = std::make_shared<bool>(true);
  SECTION("nobody has the name") {
    fragile(stage, is_broken);
    stage.spawn("fragile", "vase");
    REQUIRE(stage.send("vase", "bad"));
    stage.settle();
    REQUIRE(stage.engine.stop(*stage.engine.find("vase"), StopVerb::stop));
    stage.settle();
    const auto report = stage.engine.replay({});
    CHECK(report.replayed == 0);
    REQUIRE(report.refusals.size() == 1);
    CHECK(report.refusals[0].why == Errc::no_actor);
    CHECK(report.refusals[0].target == "vase");
    CHECK(stage.engine.dead_letters().size() == 1);
  }
  SECTION("its target is parked") {
    fragile(stage, is_broken, {.backoff_min = 0ms, .backoff_max = 0ms, .intensity = 0});
    stage.spawn("fragile", "vase");
    REQUIRE(stage.send("vase", "bad"));
    stage.settle();
    REQUIRE(stage.record.has("parked vase"));
    CHECK(stage.engine.replay({}).refusals.at(0).why == Errc::parked);
    CHECK(stage.engine.dead_letters().size() == 1);
  }
  SECTION("the engine stops") {
    fragile(stage, is_broken);
    stage.spawn("fragile", "vase");
    REQUIRE(stage.send("vase", "bad"));
    stage.settle();
    stage.engine.close_intake();
    CHECK(stage.engine.replay({}).refusals.at(0).why == Errc::stopping);
    CHECK(stage.engine.dead_letters().size() == 1);
  }
  CHECK(adds_up(stage.engine.letter_counts(DeadCause::failed)));
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("a full mailbox refuses a replay whatever its policy, and no letter is lost") {
  for (const auto policy :
       {Overflow::reject, Overflow::drop_newest, Overflow::drop_oldest, Overflow::conflate}) {
    Stage stage;
    const auto is_broken = std::make_shared<bool>(true);
    auto script = fragile(stage, is_broken);
    REQUIRE(stage.engine.spawn({.type = "fragile",
                                .name = "vase",
                                .mailbox = MailboxLimits{2, 1000},
                                .overflow = policy}));
    for (int i = 1; i <= 5; ++i) {
      REQUIRE(stage.send("vase", "bad" + std::to_string(i)));
      stage.settle();
    }
    REQUIRE(stage.engine.dead_letters().size() == 5);
    *is_broken = false;
    script->got.clear();
    const auto report = stage.engine.replay({});
    CAPTURE(name_of(policy));
    CHECK(report.replayed == 2);
    CHECK(report.refused == 3);
    for (const auto& refusal : report.refusals) CHECK(refusal.why == Errc::mailbox_full);
    stage.settle();
    CHECK(texts(*script, Kind::send) == std::vector<std::string>{"bad1", "bad2"});
    CHECK(stage.engine.dead_letters().size() == 3);
    CHECK(stage.engine.replay({}).replayed == 2);
    stage.settle();
    CHECK(stage.engine.replay({}).replayed == 1);
    stage.settle();
    CHECK(texts(*script, Kind::send) ==
          std::vector<std::string>{"bad1", "bad2", "bad3", "bad4", "bad5"});
    CHECK(stage.ledger().dropped_total() == 0);
    CHECK(stage.ledger().is_balanced());
  }
}

TEST_CASE("one refusing target does not hold back the letters of another") {
  Stage stage;
  const auto is_broken = std::make_shared<bool>(true);
  auto script = fragile(stage, is_broken);
  stage.spawn("fragile", "gone");
  stage.spawn("fragile", "here");
  for (const char* target : {"gone", "here", "gone", "here"}) {
    REQUIRE(stage.send(target, "bad"));
    stage.settle();
  }
  REQUIRE(stage.engine.stop(*stage.engine.find("gone"), StopVerb::stop));
  stage.settle();
  *is_broken = false;
  const auto report = stage.engine.replay({});
  CHECK(report.replayed == 2);
  CHECK(report.refused == 2);
  CHECK(stage.engine.dead_letters({.target = "gone"}).size() == 2);
  CHECK(stage.engine.dead_letters({.target = "here"}).empty());
}

TEST_CASE("without memory a replay is refused and the letter stays") {
  Stage stage;
  const auto is_broken = std::make_shared<bool>(true);
  fragile(stage, is_broken);
  stage.spawn("fragile", "vase");
  REQUIRE(stage.send("vase", "bad"));
  stage.settle();
  stage.faults.fail(FaultSite::allocate);
  CHECK(stage.engine.replay({}).refusals.at(0).why == Errc::no_memory);
  stage.faults.fail(FaultSite::accept);
  CHECK(stage.engine.replay({}).refusals.at(0).why == Errc::mailbox_full);
  CHECK(stage.engine.dead_letters().size() == 1);
  CHECK(stage.ledger().is_balanced());
}

}  // namespace backstage::test
