// Activation rules: by name, by topic, single-flight, limited, passivated.
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;
using Texts = std::vector<std::string>;

namespace {

void add_rule(Stage& stage, ActivationRule rule) {
  const auto added = stage.engine.add_activation(std::move(rule));
  REQUIRE(added);
}
ActivationRule books(std::uint32_t max = 0, Duration idle = {}) {
  return {"book:{1}", "book", *Pattern::parse("feed/md.*.delta"), idle, max, "config"};
}

}  // namespace

TEST_CASE("a template's capture is one token and ends at its next character", "[core]") {
  CHECK(match_template("book:{1}", "book:BTC")->at(0) == "BTC");
  CHECK(match_template("{1}:{2}", "a:b:c")->at(1) == "b:c");
  CHECK_FALSE(match_template("book:{1}", "book:"));
  CHECK_FALSE(match_template("book:{1}", "book:a.b"));
  CHECK_FALSE(match_template("book:{1}", "books:a"));
  CHECK_FALSE(match_template("{1}-{1}", "a-b"));
  CHECK(match_template("{1}-{1}", "a-a"));
}

TEST_CASE("a template and its captures that do not fit together are refused", "[core]") {
  Activations rules;
  CHECK(rules.add({"{1}{2}", "t", std::nullopt, {}, 0, ""}).error() == Errc::bad_arg);
  CHECK(rules.add({"b:{2}", "t", *Pattern::parse("f/*"), {}, 0, ""}).error() == Errc::bad_arg);
  CHECK(rules.add({"$b:{1}", "t", std::nullopt, {}, 0, ""}).error() == Errc::bad_arg);
  CHECK(rules.add({"b {1}", "t", std::nullopt, {}, 0, ""}).error() == Errc::bad_arg);
  CHECK(rules.add({"b:{1}", "", std::nullopt, {}, 0, ""}).error() == Errc::bad_arg);
  CHECK(rules.add({"b:{1}", "t", *Pattern::parse("f/*"), {}, 0, ""}));
}

TEST_CASE("a send to a matching name makes the actor and reaches it", "[core]") {
  Stage stage;
  const auto book = stage.type("book");
  add_rule(stage, books());
  CHECK(stage.send("other", "x").error() == Errc::no_actor);
  CHECK(stage.send("book:BTC", "first"));
  CHECK(stage.send("book:BTC", "second"));
  stage.settle();
  CHECK(book->created == 1);
  CHECK(texts(*book, Kind::send) == Texts{"first", "second"});
}

TEST_CASE("a publish makes the actor, which gets the triggering message first", "[core]") {
  Stage stage;
  const auto book = stage.type("book");
  add_rule(stage, books());
  CHECK(stage.publish("feed/md.BTC.delta", "1")->matched == 1);
  CHECK(stage.publish("feed/md.BTC.delta", "2")->matched == 1);
  CHECK(stage.publish("feed/md.ETH.delta", "3")->matched == 1);
  CHECK(stage.publish("feed/other", "4")->matched == 0);
  stage.settle();
  CHECK(book->created == 2);
  CHECK(stage.engine.find("book:BTC"));
  CHECK(texts(*book, Kind::publish) == Texts{"1", "2", "3"});
}

TEST_CASE("an actor made by name is subscribed to its topic too", "[core]") {
  Stage stage;
  const auto book = stage.type("book");
  add_rule(stage, books());
  CHECK(stage.send("book:BTC", "hello"));
  CHECK(stage.publish("feed/md.BTC.delta", "live")->matched == 1);
  stage.settle();
  CHECK(book->created == 1);
  CHECK(texts(*book, Kind::publish) == Texts{"live"});
}

TEST_CASE("a rule makes at most max actors, and another once one has ended", "[core]") {
  Stage stage;
  stage.type("book");
  add_rule(stage, books(2));
  CHECK(stage.send("book:a", "x"));
  CHECK(stage.send("book:b", "x"));
  CHECK(stage.send("book:c", "x").error() == Errc::activation_limit);
  CHECK(stage.publish("feed/md.c.delta", "x")->matched == 0);
  stage.settle();
  CHECK(stage.engine.stop(*stage.engine.find("book:a"), StopVerb::stop));
  stage.settle();
  CHECK(stage.send("book:c", "x"));
}

TEST_CASE("an idle actor is passivated and made again by the next message", "[core]") {
  Stage stage;
  const auto book = stage.type("book");
  add_rule(stage, books(0, 10s));
  CHECK(stage.send("book:a", "1"));
  stage.advance(11s);
  CHECK(stage.engine.find("book:a"));  // it was busy since the last look
  stage.advance(10s);
  CHECK_FALSE(stage.engine.find("book:a"));
  CHECK(book->ends == std::vector{EndReason::passivated});
  CHECK(stage.publish("feed/md.a.delta", "2")->matched == 1);
  stage.settle();
  CHECK(book->created == 2);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("an activation whose type is not loaded is refused with its reason", "[core]") {
  Stage stage;
  add_rule(stage, books());
  CHECK(stage.send("book:a", "x").error() == Errc::no_type);
  CHECK(stage.publish("feed/md.a.delta", "x")->matched == 0);
}
