// Requests: exactly one end each, deadlines, late replies, failures.
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;
using Texts = std::vector<std::string>;

namespace {

// An actor that asks "server" once for every send, and writes down how each ended.
std::shared_ptr<Script> asker(Stage& stage, Duration deadline = request_deadline_default) {
  return stage.type("asker", [deadline](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.kind != Kind::send) return Handled::done;
    const auto server = context.resolve("server");
    REQUIRE(server);
    const auto asked = context.request(*server, {"ask", envelope.payload}, deadline);
    if (!asked) return std::unexpected(Failure{std::string(token(asked.error()))});
    return Handled::done;
  });
}

Outcome echo(Context& context, const Envelope& envelope) {
  if (envelope.kind == Kind::request) {
    CHECK(context.reply(envelope.request_ref(), {"answer", envelope.payload}));
    CHECK(context.reply(envelope.request_ref(), {"answer", {}}).error() == Errc::no_request);
  }
  return Handled::done;
}

}  // namespace

TEST_CASE("a request ends in its one reply and a second one is refused", "[core]") {
  Stage stage;
  const auto client = asker(stage);
  stage.type("echo", echo);
  stage.spawn("echo", "server");
  stage.spawn("asker", "a");
  CHECK(stage.send("a", "hello"));
  stage.settle();
  CHECK(texts(*client, Kind::reply) == Texts{"hello"});
  CHECK_FALSE(client->got.back().is_error);
  CHECK(client->got.back().type == "answer");
  stage.advance(1min);
  CHECK(client->got.size() == 2);
  CHECK(stage.engine.stats().timers == 0);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("a reply to no request is refused", "[core]") {
  Stage stage;
  stage.type("t", [](Context& context, const Envelope& envelope) -> Outcome {
    CHECK(context.reply(envelope.request_ref(), {}).error() == Errc::no_request);
    return Handled::done;
  });
  stage.spawn("t", "a");
  CHECK(stage.send("a", "x"));
  stage.settle();
  CHECK(stage.ledger().handled == 1);
}

TEST_CASE("a request nobody answers ends in a timeout, and the late reply is dropped", "[core]") {
  Stage stage;
  const auto client = asker(stage);
  RequestRef open;
  stage.type("silent", [&](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.kind == Kind::request) open = envelope.request_ref();
    if (envelope.kind == Kind::send) CHECK(context.reply(open, {{}, Payload("late")}));
    return Handled::done;
  });
  stage.spawn("silent", "server");
  stage.spawn("asker", "a");
  CHECK(stage.send("a", "hello"));
  stage.advance(4999ms);
  CHECK(client->got.size() == 1);
  stage.advance(1ms);
  REQUIRE(client->got.size() == 2);
  CHECK(client->got[1].error == Errc::timeout);
  CHECK(stage.send("server", "answer now"));
  stage.settle();
  CHECK(client->got.size() == 2);
  CHECK(stage.ledger().dropped[static_cast<std::size_t>(DropCause::late)] == 1);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("a deferred reply in a later turn is as good as one at once", "[core]") {
  Stage stage;
  const auto client = asker(stage);
  RequestRef open;
  stage.type("lazy", [&](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.kind == Kind::request) open = envelope.request_ref();
    if (envelope.kind == Kind::send) CHECK(context.reply(open, {{}, Payload("done")}));
    return Handled::done;
  });
  stage.spawn("lazy", "server");
  stage.spawn("asker", "a");
  CHECK(stage.send("a", "x"));
  stage.advance(1s);
  CHECK(stage.send("server", "now"));
  stage.settle();
  CHECK(texts(*client, Kind::reply) == Texts{"done"});
}

TEST_CASE("an expired request never reaches the handler", "[core]") {
  Stage stage;
  const auto client = asker(stage, 10ms);
  const auto server = stage.type("t");
  stage.spawn("t", "server");
  stage.spawn("asker", "a");
  CHECK(stage.send("a", "x"));
  stage.step();                             // the asker's turn only: the request is queued
  stage.clock.set(stage.clock.now() + 1s);  // and its time passes
  stage.advance(0s);
  CHECK(server->got.empty());
  CHECK(stage.ledger().dropped[static_cast<std::size_t>(DropCause::expired)] == 1);
  REQUIRE(client->got.size() == 2);
  CHECK(client->got[1].error == Errc::timeout);
}

TEST_CASE("a request whose target fails ends at once in actor_failed", "[core]") {
  Stage stage;
  const auto client = asker(stage);
  stage.type("bad",
             [](Context&, const Envelope&) -> Outcome { return std::unexpected(Failure{"no"}); });
  stage.spawn("bad", "server");
  stage.spawn("asker", "a");
  CHECK(stage.send("a", "x"));
  stage.settle();
  REQUIRE(client->got.size() == 2);
  CHECK(client->got[1].error == Errc::actor_failed);
  stage.advance(1min);
  CHECK(client->got.size() == 2);
}

TEST_CASE("requests queued at an actor that stops end in actor_failed", "[core]") {
  Stage stage;
  const auto client = asker(stage);
  stage.type("t");
  const auto server = stage.spawn("t", "server");
  stage.spawn("asker", "a");
  CHECK(stage.send("a", "x"));
  stage.step();
  CHECK(stage.engine.stop(server, StopVerb::stop));
  stage.settle();
  REQUIRE(client->got.size() == 2);
  CHECK(client->got[1].error == Errc::actor_failed);
  CHECK(stage.ledger().dead_lettered == 1);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("a deadline out of range and too many requests are refused", "[core]") {
  Stage stage(Limits{.requests_per_actor_max = 2});
  std::vector<Errc> errors;
  stage.type("server");
  stage.spawn("server", "server");
  stage.type("t", [&](Context& context, const Envelope&) -> Outcome {
    const auto server = *context.resolve("server");
    for (const Duration deadline : {Duration(0), Duration(-1), Duration(25h)}) {
      CHECK(context.request(server, {}, deadline).error() == Errc::bad_arg);
    }
    CHECK(context.request(server, {}));
    CHECK(context.request(server, {}));
    CHECK(context.request(server, {}).error() == Errc::requests_full);
    CHECK(context.request(ActorId{77, 1}, {}).error() == Errc::requests_full);
    return Handled::done;
  });
  stage.spawn("t", "a");
  CHECK(stage.send("a", "x"));
  stage.settle();
  CHECK(stage.engine.stats().timers == 2);
}

TEST_CASE("what an actor published before it replied arrives before the reply", "[core]") {
  Stage stage;
  stage.type("server", [](Context& context, const Envelope& envelope) -> Outcome {
    for (const auto* text : {"1", "2", "3"}) CHECK(context.publish("", {{}, Payload(text)}));
    return context.reply(envelope.request_ref(), {{}, Payload("reply")})
               ? Outcome(Handled::done)
               : std::unexpected(Failure{"reply"});
  });
  stage.spawn("server", "server");
  auto script = std::make_shared<Script>();
  Cell& cell = stage.client("c", script);
  auto context = stage.engine.context_of(cell);
  CHECK(context.subscribe(*Pattern::parse("server")));
  CHECK(context.request(*context.resolve("server"), {{}, Payload("go")}));
  stage.settle();
  Texts order;
  for (const auto& got : script->got) order.push_back(got.text);
  CHECK(order == Texts{"1", "2", "3", "reply"});
}
