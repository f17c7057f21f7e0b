// Explain: what is known of a name, an address and a message, in each state they can be in.
#include <string>

#include "core/explain.hpp"
#include "core/fates.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

namespace backstage::test {
namespace {

using namespace std::chrono_literals;
using State = MessageFacts::State;

ActorType supervised(Supervision supervision) {
  ActorType settings;
  settings.supervision = supervision;
  return settings;
}

Outcome fail_on_bad(Context&, const Envelope& envelope) {
  if (envelope.payload.text() == "bad") return std::unexpected(Failure{"it is bad"});
  return Handled::done;
}

void give_rule(Stage& stage, std::string activate, std::string type, std::string_view on = {},
               std::uint32_t max = 0) {
  ActivationRule rule;
  rule.activate = std::move(activate);
  rule.type = std::move(type);
  if (!on.empty()) rule.on = *Pattern::parse(on);
  rule.max = max;
  const auto added = stage.engine.add_activation(std::move(rule));
  REQUIRE(added);
}

}  // namespace

TEST_CASE("a name that nobody has says so, and which rule would make its actor") {
  Stage stage;
  stage.type("book");
  give_rule(stage, "book:{1}", "book", {}, 1);
  give_rule(stage, "lost:{1}", "nosuch");
  CHECK_FALSE(stage.engine.explain("nobody").is_living);
  CHECK_FALSE(stage.engine.explain("nobody").rule);
  const auto would = stage.engine.explain("book:a");
  CHECK_FALSE(would.is_living);
  REQUIRE(would.rule);
  CHECK(would.rule->activate == "book:{1}");
  CHECK(would.rule->type == "book");
  CHECK(would.rule->living == 0);
  CHECK(would.rule->max == 1);
  CHECK(would.rule->is_type_known);
  REQUIRE(stage.send("book:a", "x"));
  CHECK(stage.engine.explain("book:b").rule->living == 1);
  CHECK_FALSE(stage.engine.explain("lost:a").rule->is_type_known);
}

TEST_CASE("a living name tells its phase, its mailbox, its parent and what it handles") {
  Stage stage;
  std::vector<NameFacts> seen;
  stage.type("child", [&](Context&, const Envelope&) -> Outcome {
    seen.push_back(stage.engine.explain("kid"));
    return Handled::done;
  });
  stage.type("mother", [](Context& context, const Envelope&) -> Outcome {
    (void)context.spawn({.type = "child",
                         .name = "kid",
                         .as_child = true,
                         .mailbox = MailboxLimits{2, 100},
                         .overflow = Overflow::drop_newest});
    return Handled::done;
  });
  stage.spawn("mother", "mum");
  REQUIRE(stage.send("mum", "have a child"));
  stage.settle();
  const auto first = stage.send("kid", "12345");
  REQUIRE(first);
  REQUIRE(stage.send("kid", "123"));
  auto facts = stage.engine.explain("kid");
  CHECK(facts.is_living);
  CHECK(facts.type == "child");
  CHECK(facts.phase == Phase::running);
  CHECK(facts.parent == "mum");
  CHECK(facts.restarts == 0);
  CHECK_FALSE(facts.trouble);
  CHECK(facts.mailbox.data_messages == 2);
  CHECK(facts.mailbox.data_bytes == 8);
  CHECK(facts.mailbox.limits.data_messages_max == 2);
  CHECK(facts.mailbox.overflow == Overflow::drop_newest);
  CHECK(facts.mailbox.is_full());
  CHECK_FALSE(facts.handling);
  stage.settle();
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].handling == Kind::send);
  CHECK(seen[0].handled_last == *first);
  CHECK(seen[0].mailbox.data_messages == 1);
  CHECK(stage.engine.explain("kid").mailbox.data_messages == 0);
}

TEST_CASE("an actor that backs off tells why it failed, when, and when its next self comes") {
  Stage stage;
  Supervision supervision;
  supervision.backoff_min = supervision.backoff_max = 4s;
  supervision.jitter_percent = 0;
  supervision.intensity = 1;
  stage.type("fragile", fail_on_bad, supervised(supervision));
  stage.spawn("fragile", "vase");
  REQUIRE(stage.send("vase", "bad"));
  stage.settle();
  stage.advance(1s);
  auto facts = stage.engine.explain("vase");
  CHECK(facts.phase == Phase::backing_off);
  REQUIRE(facts.trouble);
  CHECK(facts.trouble->reason == "it is bad");
  CHECK(stage.clock.now() - facts.trouble->failed_at == 1s);
  CHECK(facts.trouble->next_self - stage.clock.now() == 3s);
  stage.advance(3s);
  facts = stage.engine.explain("vase");
  CHECK(facts.phase == Phase::running);
  CHECK(facts.restarts == 1);
  CHECK(facts.trouble->reason == "it is bad");
  REQUIRE(stage.send("vase", "bad"));
  stage.settle();
  stage.advance(1min);
  facts = stage.engine.explain("vase");
  CHECK(facts.phase == Phase::parked);
  CHECK(facts.mailbox.refuses == Errc::parked);
  CHECK(stage.clock.now() - facts.trouble->since == 1min);
  CHECK(facts.trouble->next_self == never);
  // Another life of the name knows nothing of it.
  REQUIRE(stage.engine.stop(*stage.engine.find("vase"), StopVerb::stop));
  stage.settle();
  CHECK_FALSE(stage.engine.explain("vase").is_living);
  stage.spawn("fragile", "vase");
  CHECK_FALSE(stage.engine.explain("vase").trouble);
}

TEST_CASE("an address nobody used is unknown, whoever may match it") {
  Stage stage;
  auto script = std::make_shared<Script>();
  Cell& client = stage.client("reader", script);
  auto facts = stage.engine.explain(*Address::parse("feed/md.x"));
  CHECK_FALSE(facts.is_known);
  CHECK(facts.subscriptions == 0);
  REQUIRE(stage.engine.context_of(client).subscribe(*Pattern::parse("feed/md.*")));
  facts = stage.engine.explain(*Address::parse("feed/md.x"));
  CHECK_FALSE(facts.is_known);
  CHECK(facts.subscriptions == 1);
}

TEST_CASE(
    "an address tells its number, its retained value and who subscribes, the troubled first") {
  Stage stage;
  Supervision supervision;
  supervision.intensity = 0;
  const auto subscribes = [](Context& context) -> Outcome {
    (void)context.subscribe(*Pattern::parse("feed/md.*"));
    return Handled::done;
  };
  stage.type("well")->create = subscribes;
  auto settings = supervised(supervision);
  stage.type("fragile", fail_on_bad, settings)->create = subscribes;
  stage.spawn("well", "well");
  stage.spawn("fragile", "vase");
  auto reader = std::make_shared<Script>();
  Cell& client = stage.client("reader", reader, {{1, 1000}, Overflow::reject, true});
  REQUIRE(stage.engine.context_of(client).subscribe(*Pattern::parse("feed/md.x"),
                                                    {.overflow = Overflow::drop_oldest}));
  REQUIRE(stage.send("vase", "bad"));
  stage.settle();
  REQUIRE(stage.publish("feed/md.x", "one"));
  REQUIRE(stage.publish("feed/md.x", "three", true));
  const auto facts = stage.engine.explain(*Address::parse("feed/md.x"));
  CHECK(facts.is_known);
  CHECK(facts.seq == 2);
  CHECK(facts.is_retained);
  CHECK(facts.retained_seq == 2);
  CHECK(facts.retained_bytes == 5);
  CHECK(facts.subscriptions == 3);
  CHECK(facts.looked_at == 3);
  CHECK(facts.full == 1);
  CHECK(facts.parked == 1);
  REQUIRE(facts.listed.size() == 3);
  CHECK(facts.listed[0].subscriber == "reader");
  CHECK(facts.listed[0].pattern == "feed/md.x");
  CHECK(facts.listed[0].is_full);
  CHECK(facts.listed[0].overflow == Overflow::drop_oldest);
  CHECK(facts.listed[1].subscriber == "vase");
  CHECK(facts.listed[1].is_parked);
  CHECK(facts.listed[2].subscriber == "well");
  CHECK(facts.listed[2].pattern == "feed/md.*");
}

TEST_CASE("an address lists some of very many subscribers, and says how many there are") {
  Stage stage;
  stage.type("well")->create = [](Context& context) -> Outcome {
    (void)context.subscribe(*Pattern::parse("feed/x"));
    return Handled::done;
  };
  constexpr std::uint64_t many = AddressFacts::looked_at_max + 10;
  for (std::uint64_t i = 0; i < many; ++i) stage.spawn("well", "well:" + std::to_string(i));
  const auto facts = stage.engine.explain(*Address::parse("feed/x"));
  CHECK(facts.subscriptions == many);
  CHECK(facts.looked_at == AddressFacts::looked_at_max);
  CHECK(facts.listed.size() == AddressFacts::listed_max);
}

TEST_CASE("an address tells which actors a publish would make") {
  Stage stage;
  stage.type("book");
  give_rule(stage, "book:{1}", "book", "feed/md.*.delta");
  auto facts = stage.engine.explain(*Address::parse("feed/md.ETH.delta"));
  REQUIRE(facts.activations.size() == 1);
  CHECK(facts.activations[0].name == "book:ETH");
  CHECK(facts.activations[0].rule.activate == "book:{1}");
  CHECK_FALSE(facts.activations[0].is_living);
  REQUIRE(stage.publish("feed/md.ETH.delta", "x"));
  stage.settle();
  facts = stage.engine.explain(*Address::parse("feed/md.ETH.delta"));
  CHECK(facts.activations.at(0).is_living);
  CHECK(facts.subscriptions == 1);
}

TEST_CASE("a message is waiting at its place, then running, then forgotten once it is handled") {
  Stage stage;
  MessageFacts during;
  std::optional<MessageId> watched;
  stage.type("clerk", [&](Context&, const Envelope& envelope) -> Outcome {
    if (watched && envelope.id == *watched) during = stage.engine.explain(*watched);
    return Handled::done;
  });
  stage.spawn("clerk", "a");
  stage.spawn("clerk", "b");
  REQUIRE(stage.send("a", "1"));
  REQUIRE(stage.send("b", "1"));
  REQUIRE(stage.send("b", "2"));
  const auto third = stage.send("b", "3");
  REQUIRE(third);
  watched = *third;
  auto facts = stage.engine.explain(*third);
  CHECK(facts.state == State::waiting);
  CHECK(facts.actor == "b");
  CHECK(facts.kind == Kind::send);
  CHECK(facts.ahead == 2);
  stage.settle();
  CHECK(during.state == State::running);
  CHECK(during.actor == "b");
  CHECK(during.kind == Kind::send);
  facts = stage.engine.explain(*third);
  CHECK(facts.state == State::forgotten);
  CHECK_FALSE(facts.is_cut);
}

TEST_CASE("a number that no message has yet is said to be that") {
  Stage stage;
  stage.type("clerk");
  stage.spawn("clerk", "a");
  const auto id = stage.send("a", "1");
  REQUIRE(id);
  const auto last = static_cast<std::uint64_t>(*id);
  CHECK(stage.engine.explain(MessageId{0}).state == State::never_given);
  CHECK(stage.engine.explain(MessageId{last + 1}).state == State::never_given);
  CHECK(stage.engine.explain(MessageId{UINT64_MAX}).state == State::never_given);
  CHECK(stage.engine.explain(MessageId{last}).state == State::waiting);
}

TEST_CASE("a message that waits to be tried again by the next self is held by its actor") {
  Stage stage;
  Supervision supervision;
  supervision.retries = 1;
  stage.type("fragile", fail_on_bad, supervised(supervision));
  stage.spawn("fragile", "vase");
  const auto id = stage.send("vase", "bad");
  REQUIRE(id);
  stage.settle();
  REQUIRE(stage.engine.explain("vase").phase == Phase::backing_off);
  const auto facts = stage.engine.explain(*id);
  CHECK(facts.state == State::held);
  CHECK(facts.actor == "vase");
  stage.advance(1min);
  CHECK(stage.engine.explain(*id).state == State::dead_letter);
}

TEST_CASE("a dead letter is told with its cause and reason") {
  Stage stage;
  stage.type("fragile", fail_on_bad);
  stage.spawn("fragile", "vase");
  const auto id = stage.send("vase", "bad");
  REQUIRE(id);
  stage.settle();
  const auto facts = stage.engine.explain(*id);
  CHECK(facts.state == State::dead_letter);
  CHECK(facts.actor == "vase");
  REQUIRE(facts.letter != nullptr);
  CHECK(facts.letter->cause == DeadCause::failed);
  CHECK(facts.letter->reason == "it is bad");
}

TEST_CASE("a dropped message is told with its cause and whose it was") {
  Stage stage;
  stage.type("clerk");
  const auto spawn = [&stage](std::string_view name, Overflow overflow) {
    REQUIRE(stage.engine.spawn(
        {.type = "clerk", .name = name, .mailbox = MailboxLimits{1, 100}, .overflow = overflow}));
    stage.settle();
  };
  SECTION("the oldest makes room") {
    spawn("a", Overflow::drop_oldest);
    const auto first = stage.send("a", "1");
    REQUIRE(stage.send("a", "2"));
    const auto facts = stage.engine.explain(*first);
    CHECK(facts.state == State::dropped);
    CHECK(facts.cause == DropCause::oldest);
    CHECK(facts.actor == "a");
  }
  SECTION("the newest finds no room") {
    spawn("a", Overflow::drop_newest);
    REQUIRE(stage.send("a", "1"));
    const auto second = stage.send("a", "2");
    CHECK(stage.engine.explain(*second).cause == DropCause::newest);
  }
  SECTION("a request expires before its turn, and another's asker has gone") {
    spawn("a", Overflow::reject);
    auto asker = std::make_shared<Script>();
    Cell& cell = stage.client("asker", asker);
    REQUIRE(stage.engine.context_of(cell).request(*stage.engine.find("a"), {}, 1ms));
    const MessageId expired = MessageId{1};
    REQUIRE(stage.engine.explain(expired).state == State::waiting);
    stage.clock.set(stage.clock.now() + 2ms);
    stage.settle();
    CHECK(stage.engine.explain(expired).cause == DropCause::expired);
  }
  SECTION("its actor has ended since, and its name is known as long as nobody took its slot") {
    spawn("a", Overflow::drop_oldest);
    const auto first = stage.send("a", "1");
    REQUIRE(stage.send("a", "2"));
    REQUIRE(stage.engine.stop(*stage.engine.find("a"), StopVerb::stop));
    stage.settle();
    CHECK(stage.engine.explain(*first).actor == "a");
    spawn("b", Overflow::reject);
    CHECK(stage.engine.explain(*first).state == State::dropped);
    CHECK(stage.engine.explain(*first).actor.empty());
  }
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("drops are remembered up to a number, the newest of them") {
  Fates fates;
  const auto all = static_cast<std::uint64_t>(Fates::kept_max) + 100;
  for (std::uint64_t id = 1; id <= all; ++id) {
    fates.add(MessageId{id}, DropCause::slow, {static_cast<std::uint32_t>(id), 7});
  }
  CHECK_FALSE(fates.find(MessageId{100}));
  const auto oldest = fates.find(MessageId{101});
  REQUIRE(oldest);
  CHECK(oldest->cause == DropCause::slow);
  CHECK(oldest->who == ActorId{101, 7});
  CHECK(fates.find(MessageId{all}));
  CHECK_FALSE(fates.find(MessageId{all + 1}));
  fates.add(MessageId{200}, DropCause::late, {1, 1});
  CHECK(fates.find(MessageId{200})->cause == DropCause::late);
}

TEST_CASE("a search for a message looks at a bounded part of a mailbox and says so") {
  Mailbox mailbox;
  mailbox.open(1, {});
  for (std::uint64_t id = 1; id <= 10; ++id) {
    EnvelopePtr envelope(new Envelope);
    envelope->id = MessageId{id};
    envelope->kind = id == 3 ? Kind::timer : Kind::send;
    REQUIRE(mailbox.push(envelope, 1).verdict == PushVerdict::accepted);
  }
  CHECK(mailbox.depth().data_messages == 9);
  CHECK(mailbox.depth().control == 1);
  const auto found = mailbox.find(MessageId{4}, 10);
  REQUIRE(found.found);
  CHECK(found.found->ahead == 3);
  CHECK(found.looked_at == 4);
  CHECK(mailbox.find(MessageId{3}, 10).found->kind == Kind::timer);
  const auto cut = mailbox.find(MessageId{9}, 5);
  CHECK_FALSE(cut.found);
  CHECK(cut.is_cut);
  CHECK(cut.looked_at == 5);
  const auto none = mailbox.find(MessageId{11}, 10);
  CHECK_FALSE(none.found);
  CHECK_FALSE(none.is_cut);
}

}  // namespace backstage::test
