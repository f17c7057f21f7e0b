// Topics: matching, sequence numbers, retained values, snapshots, interest.
#include <algorithm>

#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;
using Texts = std::vector<std::string>;

namespace {

std::shared_ptr<Script> subscriber(Stage& stage, std::string_view type, std::string_view pattern,
                                   SubscribeOptions options = {}) {
  auto script = stage.type(std::string(type));
  script->create = [pattern, options](Context& context) -> Outcome {
    CHECK(context.subscribe(*Pattern::parse(pattern), options));
    return Handled::done;
  };
  stage.spawn(type, type);
  return script;
}

}  // namespace

TEST_CASE("a publish reaches exact and wildcard subscribers with its number", "[core]") {
  Stage stage;
  const auto exact = subscriber(stage, "exact", "feed/a.b");
  const auto wild = subscriber(stage, "wild", "*/a.>");
  const auto other = subscriber(stage, "other", "feed/a.c");
  CHECK(stage.publish("feed/a.b", "1")->matched == 2);
  CHECK(stage.publish("feed/a.b", "2")->seq == 2);
  CHECK(stage.publish("feed/z", "3")->matched == 0);
  stage.settle();
  CHECK(texts(*exact, Kind::publish) == Texts{"1", "2"});
  CHECK(texts(*wild, Kind::publish) == Texts{"1", "2"});
  CHECK(other->got.empty());
  CHECK(exact->got[1].seq == 2);
  CHECK(exact->got[1].address == "feed/a.b");
  CHECK(exact->got[1].from == "test");
}

TEST_CASE("a number is taken even if nobody listens", "[core]") {
  Stage stage;
  CHECK(stage.publish("feed/a", "1")->seq == 1);
  CHECK(stage.publish("feed/a", "2")->seq == 2);
  CHECK(stage.publish("feed/b", "1")->seq == 1);
}

TEST_CASE("an actor with overlapping patterns gets one delivery, a client one for each", "[core]") {
  Stage stage;
  const auto script = stage.type("t");
  script->create = [](Context& context) -> Outcome {
    CHECK(context.subscribe(*Pattern::parse("feed/a")));
    CHECK(context.subscribe(*Pattern::parse("feed/*")));
    return Handled::done;
  };
  stage.spawn("t", "t");
  auto client = std::make_shared<Script>();
  auto context = stage.engine.context_of(stage.client("c", client));
  CHECK(context.subscribe(*Pattern::parse("feed/a")));
  CHECK(context.subscribe(*Pattern::parse("feed/>")));
  CHECK(stage.publish("feed/a", "x")->matched == 3);
  stage.settle();
  CHECK(script->got.size() == 1);
  CHECK(client->got.size() == 2);
}

TEST_CASE("subscribing again to the same pattern updates and keeps the number", "[core]") {
  Stage stage;
  auto client = std::make_shared<Script>();
  auto context = stage.engine.context_of(stage.client("c", client));
  const auto first = context.subscribe(*Pattern::parse("feed/a"));
  const auto again = context.subscribe(*Pattern::parse("feed/a"), {Overflow::conflate, false});
  CHECK(again->id == first->id);
  CHECK(again->existed);
  CHECK(stage.engine.stats().subscriptions == 1);
  CHECK(stage.publish("feed/a", "1")->matched == 1);
  CHECK(stage.publish("feed/a", "2")->matched == 1);
  stage.settle();
  CHECK(texts(*client, Kind::publish) == Texts{"2"});
  CHECK(client->got[0].kind == Kind::gap);
}

TEST_CASE("subscribing tells the number after which live messages come", "[core]") {
  Stage stage;
  CHECK(stage.publish("feed/a", "old"));
  auto client = std::make_shared<Script>();
  auto context = stage.engine.context_of(stage.client("c", client));
  CHECK(context.subscribe(*Pattern::parse("feed/a"))->seq == 1);
  CHECK_FALSE(context.subscribe(*Pattern::parse("feed/*"))->seq);
}

TEST_CASE("after an unsubscribe nothing of it is offered", "[core]") {
  Stage stage;
  auto client = std::make_shared<Script>();
  auto context = stage.engine.context_of(stage.client("c", client));
  const auto id = context.subscribe(*Pattern::parse("feed/a"))->id;
  CHECK(context.unsubscribe(id));
  CHECK(context.unsubscribe(id).error() == Errc::no_sub);
  CHECK(stage.publish("feed/a", "x")->matched == 0);
}

TEST_CASE("a retained value is kept through plain publishes and the publisher's end", "[core]") {
  Stage stage;
  CHECK(stage.engine.retained(*Address::parse("feed/a")).error() == Errc::no_value);
  CHECK(stage.publish("feed/a", "kept", true));
  CHECK(stage.publish("feed/a", "plain"));
  const auto value = stage.engine.retained(*Address::parse("feed/a"));
  REQUIRE(value);
  CHECK(value->payload.text() == "kept");
  CHECK(value->seq == 1);
  CHECK(value->sender == "test");
}

TEST_CASE("retained values have a budget, and replacing one frees its share", "[core]") {
  Stage stage(Limits{.retained_bytes_max = 100});
  CHECK(stage.publish("feed/a", std::string(80, 'a'), true));
  CHECK(stage.publish("feed/b", std::string(30, 'b'), true).error() == Errc::retained_full);
  CHECK(stage.publish("feed/a", std::string(100, 'c'), true));
  CHECK(stage.engine.stats().retained_bytes == 100);
  CHECK(stage.publish("feed/a", "", true));
  CHECK(stage.publish("feed/b", std::string(30, 'b'), true));
}

TEST_CASE("a snapshot comes once, before the first live message", "[core]") {
  Stage stage;
  CHECK(stage.publish("feed/a", "old a", true));
  CHECK(stage.publish("feed/b", "old b", true));
  const auto exact = subscriber(stage, "exact", "feed/a", {Overflow::reject, true});
  const auto wild = subscriber(stage, "wild", "feed/*", {Overflow::reject, true});
  CHECK(stage.publish("feed/a", "live", true));
  stage.settle();
  CHECK(texts(*exact, Kind::publish) == Texts{"old a", "live"});
  CHECK(texts(*wild, Kind::publish) == Texts{"old a", "old b", "live"});
  CHECK(exact->got[0].is_snapshot);
  CHECK_FALSE(exact->got[1].is_snapshot);
}

TEST_CASE("a full subscriber misses the publish and fails neither publisher nor others", "[core]") {
  Stage stage;
  ActorType settings;
  settings.mailbox.data_messages_max = 1;
  const auto small = stage.type("small", {}, settings);
  small->create = [](Context& context) -> Outcome {
    CHECK(context.subscribe(*Pattern::parse("feed/a")));
    return Handled::done;
  };
  stage.spawn("small", "small");
  const auto other = subscriber(stage, "other", "feed/a");
  CHECK(stage.publish("feed/a", "1"));
  const auto second = stage.publish("feed/a", "2");
  CHECK(second->matched == 2);
  CHECK(second->full == 1);
  stage.settle();
  CHECK(small->got.size() == 1);
  CHECK(other->got.size() == 2);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("an actor's subscriptions end with it", "[core]") {
  Stage stage;
  subscriber(stage, "s", "feed/a");
  CHECK(stage.engine.stop(*stage.engine.find("s"), StopVerb::stop));
  stage.settle();
  CHECK(stage.engine.stats().subscriptions == 0);
  CHECK(stage.publish("feed/a", "x")->matched == 0);
}

TEST_CASE("limits of addresses and subscriptions are refusals", "[core]") {
  Stage stage(Limits{.topics_max = 2, .subscriptions_per_actor_max = 2});
  CHECK(stage.publish("feed/a", "x"));
  CHECK(stage.publish("feed/b", "x"));
  CHECK(stage.publish("feed/c", "x").error() == Errc::topics_full);
  auto client = std::make_shared<Script>();
  auto context = stage.engine.context_of(stage.client("c", client));
  CHECK(context.subscribe(*Pattern::parse("feed/c")).error() == Errc::topics_full);
  CHECK(context.subscribe(*Pattern::parse("feed/a")));
  CHECK(context.subscribe(*Pattern::parse("feed/*")));
  CHECK(context.subscribe(*Pattern::parse("feed/b")).error() == Errc::subs_full);
}

TEST_CASE("a publisher that asked hears of first and last interest", "[core]") {
  Stage stage;
  auto early = std::make_shared<Script>();
  auto early_context = stage.engine.context_of(stage.client("early", early));
  const auto early_id = early_context.subscribe(*Pattern::parse("feed/md.BTC"))->id;
  const auto feed = stage.type("feed");
  feed->create = [](Context& context) -> Outcome {
    CHECK(context.watch_interest("md.*"));
    CHECK(context.watch_interest("bad topic").error() == Errc::bad_addr);
    return Handled::done;
  };
  stage.spawn("feed", "feed");
  auto late = std::make_shared<Script>();
  auto late_context = stage.engine.context_of(stage.client("late", late));
  const auto late_id = late_context.subscribe(*Pattern::parse("feed/md.BTC"))->id;
  CHECK(late_context.subscribe(*Pattern::parse("feed/other")));
  CHECK(late_context.subscribe(*Pattern::parse("feed/md.ETH")));
  CHECK(early_context.unsubscribe(early_id));
  CHECK(late_context.unsubscribe(late_id));
  stage.settle();
  Texts told;
  for (const auto& got : feed->got) told.push_back(got.text + (got.seq == 1 ? " +" : " -"));
  CHECK(told == Texts{"feed/md.BTC +", "feed/md.ETH +", "feed/md.BTC -"});
}

TEST_CASE("an actor publishes on its own topics only, its default one for none", "[core]") {
  Stage stage;
  stage.type("t", [](Context& context, const Envelope&) -> Outcome {
    CHECK(context.publish("", {{}, Payload("d")}));
    CHECK(context.publish("x.y", {{}, Payload("t")}));
    CHECK(context.publish("bad topic", {}).error() == Errc::bad_addr);
    return Handled::done;
  });
  stage.spawn("t", "me");
  const auto listener = subscriber(stage, "l", "me/>");
  CHECK(stage.send("me", "go"));
  stage.settle();
  REQUIRE(listener->got.size() == 2);
  CHECK(listener->got[0].address == "me/default");
  CHECK(listener->got[0].from == "me");
}

TEST_CASE("a subscription waits for its publisher, and goes on with the next of that name",
          "[core]") {
  Stage stage;
  const auto listener = subscriber(stage, "l", "feed/a");
  const auto wild = subscriber(stage, "w", "*/a");
  const auto feed = stage.type("feed", [](Context& context, const Envelope& e) -> Outcome {
    CHECK(context.publish("a", {{}, e.payload}));
    return Handled::done;
  });
  stage.spawn("feed", "feed");
  CHECK(stage.send("feed", "1"));
  stage.settle();
  CHECK(stage.engine.stop(*stage.engine.find("feed"), StopVerb::stop));
  stage.settle();
  stage.spawn("feed", "feed");
  CHECK(stage.send("feed", "2"));
  stage.settle();
  for (const auto& script : {listener, wild}) {
    CHECK(texts(*script, Kind::publish) == Texts{"1", "2"});
    CHECK(script->got[1].seq == 2);
  }
}

TEST_CASE("a subscriber that is made anew has every number, each once", "[core]") {
  Stage stage;
  const auto script = stage.type("t", [](Context&, const Envelope& envelope) -> Outcome {
    if (envelope.payload.text() == "bad") return std::unexpected(Failure{"bad message"});
    return Handled::done;
  });
  script->create = [](Context& context) -> Outcome {
    CHECK(context.subscribe(*Pattern::parse("feed/a")));
    CHECK(context.subscribe(*Pattern::parse("feed/*")));
    return Handled::done;
  };
  stage.spawn("t", "t");
  for (const auto* text : {"1", "bad", "2"}) CHECK(stage.publish("feed/a", text)->matched == 1);
  stage.settle();
  REQUIRE(script->ends.size() == 1);
  CHECK(stage.publish("feed/a", "3")->matched == 1);  // while it backs off
  stage.advance(1s);
  CHECK(stage.publish("feed/a", "4")->matched == 1);
  stage.settle();
  CHECK(script->created == 2);
  CHECK(texts(*script, Kind::publish) == Texts{"1", "bad", "2", "3", "4"});
  for (std::size_t i = 0; i < script->got.size(); ++i) CHECK(script->got[i].seq == i + 1);
  CHECK(stage.engine.stats().subscriptions == 2);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("interest of any actor's topics is told to all who watch, of one's only to it",
          "[core]") {
  Stage stage;
  const auto feeds = stage.type("feed");
  feeds->create = [](Context& context) -> Outcome {
    CHECK(context.watch_interest(">"));
    CHECK(context.watch_interest(">"));
    return Handled::done;
  };
  for (const auto* name : {"f2", "f1", "gone"}) stage.spawn("feed", name);
  CHECK(stage.engine.stop(*stage.engine.find("gone"), StopVerb::stop));
  stage.settle();
  auto context = stage.engine.context_of(stage.client("c", std::make_shared<Script>()));
  CHECK(context.unsubscribe(context.subscribe(*Pattern::parse("*/a"))->id));
  CHECK(context.subscribe(*Pattern::parse("f1/a")));
  CHECK(context.subscribe(*Pattern::parse("f3/a")));
  stage.settle();
  Texts told;
  for (const auto& got : feeds->got) told.push_back(got.text + (got.seq == 1 ? " +" : " -"));
  std::sort(told.begin(), told.end());
  CHECK(told == Texts{"*/a +", "*/a +", "*/a -", "*/a -", "f1/a +"});
}

TEST_CASE("an activated actor that subscribes itself has one subscription, as it asked", "[core]") {
  Stage stage;
  const auto script = stage.type("t");
  script->create = [](Context& context) -> Outcome {
    CHECK(context.subscribe(*Pattern::parse("feed/a"), {Overflow::reject, true}));
    return Handled::done;
  };
  REQUIRE(
      stage.engine.add_activation({"t:{1}", "t", *Pattern::parse("feed/*"), Duration{}, 0, ""}));
  for (const auto* text : {"1", "2"}) {
    CHECK(stage.publish("feed/a", text)->matched == 1);
    stage.settle();
  }
  CHECK(texts(*script, Kind::publish) == Texts{"1", "2"});
  CHECK(stage.engine.stats().subscriptions == 1);
  CHECK(stage.engine.stop(*stage.engine.find("t:a"), StopVerb::stop));
  stage.settle();
  CHECK(stage.engine.stats().subscriptions == 0);
}
