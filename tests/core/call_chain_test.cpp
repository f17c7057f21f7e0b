// Requests that meet failure, restart, circles and askers who have left.
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;

namespace {

// Asks the actor its message names; keeps requests unanswered.
struct Asker {
  RequestOptions options;
  std::vector<Errc> refusals;
  Outcome operator()(Context& context, const Envelope& envelope) {
    if (envelope.kind != Kind::send) return Handled::done;
    const auto to = context.resolve(envelope.payload.text());
    const auto asked = context.request(*to, {}, options);
    if (!asked) refusals.push_back(asked.error());
    return Handled::done;
  }
};

Outcome fail_on_bad(Context& context, const Envelope& envelope) {
  if (envelope.payload.text() == "bad") return std::unexpected(Failure{"bad"});
  if (envelope.kind == Kind::request) CHECK(context.reply(envelope.request_ref(), {}));
  return Handled::done;
}

}  // namespace

TEST_CASE("a request waits for its target to be made anew, or fails fast", "[core][requests]") {
  Stage stage;
  stage.type("t", fail_on_bad);
  stage.spawn("t", "a");
  auto asker = std::make_shared<Asker>();
  const auto script =
      stage.type("q", [asker](Context& c, const Envelope& e) { return (*asker)(c, e); });
  stage.spawn("q", "q");
  SECTION("by default it waits, within its deadline") {
    CHECK(stage.send("a", "bad"));
    stage.settle();
    CHECK(stage.send("q", "a"));
    stage.advance(1s);
    REQUIRE(script->got.size() == 2);
    CHECK_FALSE(script->got.back().is_error);
  }
  SECTION("one that fails fast is refused while the target waits") {
    asker->options.fail_fast = true;
    CHECK(stage.send("a", "bad"));
    stage.settle();
    CHECK(stage.send("q", "a"));
    stage.settle();
    CHECK(asker->refusals == std::vector{Errc::actor_failed});
  }
  SECTION("one that fails fast and is queued already is answered when the target fails") {
    asker->options.fail_fast = true;
    CHECK(stage.send("q", "a"));
    CHECK(stage.send("a", "bad"));
    stage.executor.run_one();  // q or a first: both orders end the same way
    stage.settle();
    REQUIRE(script->got.size() == 2);
  }
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("a circle of requests is refused where it would close", "[core][requests]") {
  Stage stage;
  std::map<std::string, std::string> next{{"a", "b"}, {"b", "c"}, {"c", "a"}};
  std::vector<std::string> refused_at;
  bool may_cycle = false;
  int asked = 0;
  stage.type("t", [&](Context& context, const Envelope& envelope) -> Outcome {
    const std::string name(context.name());
    if (envelope.kind == Kind::reply || ++asked > 10) return Handled::done;
    RequestOptions options;
    options.may_cycle = may_cycle;
    const auto result = context.request(*context.resolve(next[name]), {}, options);
    if (!result) {
      CHECK(result.error() == Errc::call_cycle);
      refused_at.push_back(name);
    }
    return Handled::done;
  });
  for (const auto* name : {"a", "b", "c"}) stage.spawn("t", name);
  CHECK(stage.send("a", "go"));
  stage.settle();
  CHECK(refused_at == std::vector<std::string>{"c"});
  SECTION("an actor that asks itself is the smallest circle") {
    next["a"] = "a";
    CHECK(stage.send("a", "go"));
    stage.settle();
    CHECK(refused_at.back() == "a");
  }
  SECTION("it may go round when the asker says so") {
    asked = 0;
    may_cycle = true;
    CHECK(stage.send("a", "go"));
    stage.settle();
    CHECK(asked == 11);
    CHECK(refused_at.size() == 1);
  }
}

TEST_CASE("a circle is seen through an answer that is waited for in between", "[core][requests]") {
  Stage stage;
  std::vector<Errc> refusals;
  stage.type("server", fail_on_bad);
  stage.spawn("server", "s");
  stage.type("a", [](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.kind == Kind::send) CHECK(context.request(*context.resolve("b"), {}));
    return Handled::done;
  });
  // Asked by a, it asks s, and only with that answer in hand it asks a.
  stage.type("b", [&](Context& context, const Envelope& envelope) -> Outcome {
    const auto* to = envelope.kind == Kind::request ? "s" : "a";
    const auto asked = context.request(*context.resolve(to), {});
    if (!asked) refusals.push_back(asked.error());
    return Handled::done;
  });
  stage.spawn("a", "a");
  stage.spawn("b", "b");
  CHECK(stage.send("a", "go"));
  stage.settle();
  CHECK(refusals == std::vector{Errc::call_cycle});
}

TEST_CASE("a request whose asker has ended is not handled any more", "[core][requests]") {
  Stage stage;
  const auto server = stage.type("t", fail_on_bad);
  stage.spawn("t", "a");
  auto asker = std::make_shared<Asker>();
  stage.type("q", [asker](Context& c, const Envelope& e) { return (*asker)(c, e); });
  const auto q = stage.spawn("q", "q");
  CHECK(stage.send("a", "bad"));  // a waits to be made anew, the request in its mailbox
  stage.settle();
  CHECK(stage.send("q", "a"));
  stage.settle();
  CHECK(stage.engine.stop(q, StopVerb::stop));
  stage.advance(1s);
  CHECK(texts(*server, Kind::request).empty());
  CHECK(stage.ledger().dropped[static_cast<std::size_t>(DropCause::cancelled)] == 1);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("a chain of requests may be as long as its bound and no longer", "[core][requests]") {
  CallChain chain;
  for (std::uint32_t i = 0; i < CallChain::depth_max; ++i) {
    CHECK(chain.depth() == i);
    chain = CallChain(chain, ActorId{i, 1});
  }
  CHECK(chain.has({0, 1}));
  CHECK(chain.has({CallChain::depth_max - 1, 1}));
  CHECK_FALSE(chain.has({0, 2}));
  Stage stage;
  std::vector<Errc> refusals;
  stage.type("t", [&](Context& context, const Envelope&) -> Outcome {
    const auto mine = std::stoi(std::string(context.name().substr(1)));
    const auto next = context.resolve("n" + std::to_string(mine + 1));
    const auto asked = context.request(*next, {});
    if (!asked) refusals.push_back(asked.error());
    return Handled::done;
  });
  for (std::uint32_t i = 0; i < CallChain::depth_max + 8; ++i) {
    stage.spawn("t", "n" + std::to_string(i));
  }
  CHECK(stage.send("n0", "go"));
  stage.settle();
  CHECK(refusals == std::vector{Errc::call_cycle});
}
