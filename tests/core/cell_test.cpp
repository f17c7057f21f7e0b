// The cell's turn: fairness, blocking clients, resuming, signals first.
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;
using Texts = std::vector<std::string>;

TEST_CASE("a turn ends after its budget so that others get theirs", "[core]") {
  Stage stage;
  const auto script = stage.type("t");
  stage.spawn("t", "a");
  stage.spawn("t", "b");
  for (std::uint32_t i = 0; i < 3 * turn_messages_max; ++i) CHECK(stage.send("a", "a"));
  CHECK(stage.send("b", "b"));
  stage.step();  // a's first turn
  stage.step();  // b's
  CHECK(script->got.back().text == "b");
  CHECK(script->got.size() <= turn_messages_max + 1);
  stage.settle();
  CHECK(script->got.size() == 3 * turn_messages_max + 1);
}

TEST_CASE("an actor that sends to itself for ever does not starve another", "[core]") {
  Stage stage;
  stage.type("loop", [](Context& context, const Envelope&) -> Outcome {
    CHECK(context.send(context.self(), {{}, Payload("again")}));
    return Handled::done;
  });
  const auto other = stage.type("t");
  stage.spawn("loop", "loop");
  stage.spawn("t", "b");
  CHECK(stage.send("loop", "go"));
  stage.step();
  CHECK(stage.send("b", "hello"));
  stage.step();
  stage.step();
  CHECK(texts(*other, Kind::send) == Texts{"hello"});
}

TEST_CASE("a client that cannot take a message keeps it at the head until it is resumed",
          "[core]") {
  Stage stage;
  bool blocked = true;
  auto script = std::make_shared<Script>();
  script->receive = [&](Context&, const Envelope&) -> Outcome {
    return blocked ? Handled::again : Handled::done;
  };
  Cell& cell = stage.client("c", script);
  CHECK(stage.send("c", "1"));
  CHECK(stage.send("c", "2"));
  stage.settle();
  CHECK(script->got.size() == 1);
  CHECK(stage.ledger().running == 1);
  blocked = false;
  cell.signal(Signal::resume, cell.id());
  stage.settle();
  CHECK(texts(*script, Kind::send) == Texts{"1", "1", "2"});
  CHECK(stage.ledger().handled == 2);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("a blocked client that disconnects loses its publishes as ended and mail as dead letters",
          "[core]") {
  Stage stage;
  auto script = std::make_shared<Script>();
  script->receive = [](Context&, const Envelope&) -> Outcome { return Handled::again; };
  Cell& cell = stage.client("c", script);
  CHECK(stage.engine.context_of(cell).subscribe(*Pattern::parse("f/x"),
                                                {Overflow::drop_oldest, false}));
  CHECK(stage.publish("f/x", "p1"));
  CHECK(stage.send("c", "direct"));
  stage.settle();
  cell.signal(Signal::disconnect, cell.id());
  stage.settle();
  CHECK(script->ends == std::vector{EndReason::disconnected});
  CHECK(stage.ledger().dropped[static_cast<std::size_t>(DropCause::ended)] == 1);
  CHECK(stage.ledger().dead_lettered == 1);
  CHECK(stage.ledger().is_balanced());
  CHECK(stage.engine.stats().subscriptions == 0);
}

TEST_CASE("a client's note to itself comes behind the mail queued before it", "[core]") {
  Stage stage;
  auto script = std::make_shared<Script>();
  Cell& cell = stage.client("c", script);
  CHECK(stage.send("c", "1"));
  stage.engine.context_of(cell).note_to_self(RequestId{7});
  CHECK(stage.send("c", "2"));
  stage.settle();
  REQUIRE(script->got.size() == 3);
  CHECK(script->got[1].kind == Kind::barrier);
  CHECK(script->got[1].request.id == RequestId{7});
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("a session that cannot keep up under kick is ended as slow consumer", "[core]") {
  Stage stage;
  auto script = std::make_shared<Script>();
  script->receive = [](Context&, const Envelope&) -> Outcome { return Handled::again; };
  Cell& cell = stage.client("c", script, {{2, 1000}, Overflow::reject, true});
  CHECK(stage.engine.context_of(cell).subscribe(*Pattern::parse("f/x"), {Overflow::kick, false}));
  for (int i = 0; i < 10; ++i) CHECK(stage.publish("f/x", "p"));
  stage.settle();
  CHECK(script->ends == std::vector{EndReason::slow_consumer});
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("bytes that are sent without a message arrive as those of a message do") {
  Stage stage;
  auto sink = stage.type("sink");
  (void)stage.spawn("sink", "sink");
  const std::size_t size = GENERATE(as<std::size_t>{}, 0, 1, payload_inline_bytes_max,
                                    payload_inline_bytes_max + 1, payload_bytes_max);
  const std::string body(size, 'x');
  stage.type("source", [&](Context& context, const Envelope&) -> Outcome {
    const ActorId to = context.resolve("sink").value();
    CHECK(context.send(to, "kind.of", body));
    CHECK(context.send(to, {"kind.of", Payload(body)}));
    return Handled::done;
  });
  (void)stage.spawn("source", "source");
  CHECK(stage.send("source", "go"));
  CHECK(stage.settle());
  REQUIRE(sink->got.size() == 2);
  for (const Got& got : sink->got) {
    CHECK(got.text == body);
    CHECK(got.type == "kind.of");
    CHECK(got.from == "source");
  }
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("bytes that cannot be sent are refused with the same words as a message") {
  Stage stage;
  ActorType narrow;
  narrow.mailbox.data_messages_max = 1;
  stage.type("sink", {}, narrow);
  const ActorId sink = stage.spawn("sink", "sink");
  stage.type("source", [&](Context& context, const Envelope&) -> Outcome {
    const std::string long_body(payload_bytes_max + 1, 'x');
    CHECK(context.send(sink, {}, long_body).error() == Errc::too_large);
    CHECK(context.send(nobody, {}, "x").error() == Errc::no_actor);
    CHECK(context.send(sink, {}, "1"));
    CHECK(context.send(sink, {}, "2").error() == Errc::mailbox_full);
    stage.faults.fail(FaultSite::allocate);
    CHECK(context.send(sink, {}, "3").error() == Errc::no_memory);
    return Handled::done;
  });
  (void)stage.spawn("source", "source");
  CHECK(stage.send("source", "go"));
  CHECK(stage.settle());
  CHECK(stage.ledger().is_balanced());
}
