// Topics under many subscriptions: what is looked at again, counted by the versions a topic keeps.
#include "core/topics.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;

TEST_CASE("what does not match leaves an address's matches as they are", "[core]") {
  Stage stage;
  auto client = std::make_shared<Script>();
  const Topic* topic = nullptr;
  client->receive = [&topic](Context&, const Envelope& envelope) -> Outcome {
    topic = envelope.topic;
    return Handled::done;
  };
  auto context = stage.engine.context_of(stage.client("c", client));
  CHECK(context.subscribe(*Pattern::parse("feed/a")));
  const auto wild = context.subscribe(*Pattern::parse("*/a"))->id;
  CHECK(stage.publish("feed/a", "x")->matched == 2);
  stage.settle();
  REQUIRE(topic != nullptr);
  const auto made = topic->made;
  const auto version = topic->version;
  // Exact ones of other addresses are not even looked at.
  const auto other = context.subscribe(*Pattern::parse("feed/b"))->id;
  CHECK(stage.publish("feed/a", "x")->matched == 2);
  CHECK(context.unsubscribe(other));
  CHECK(stage.publish("feed/a", "x")->matched == 2);
  CHECK(topic->version == version);
  // Those by wildcard are, and found not to matter.
  const auto elsewhere = context.subscribe(*Pattern::parse("*/b"))->id;
  CHECK(stage.publish("feed/a", "x")->matched == 2);
  CHECK(context.unsubscribe(elsewhere));
  CHECK(stage.publish("feed/a", "x")->matched == 2);
  CHECK(topic->version > version);
  CHECK(topic->made == made);
  // One leaves as another comes: as many patterns as before, but not the same.
  CHECK(context.unsubscribe(wild));
  CHECK(context.subscribe(*Pattern::parse("feed/*"), {Overflow::conflate}));
  CHECK(stage.publish("feed/a", "x")->matched == 2);
  CHECK(topic->made > made);
  CHECK(context.unsubscribe(context.subscribe(*Pattern::parse("feed/*"))->id));
  CHECK(stage.publish("feed/a", "x")->matched == 1);
}

TEST_CASE("a flood of subscribes and unsubscribes of one address makes its matches once",
          "[core]") {
  constexpr int clients = 3'000;
  for (const auto* pattern : {"feed/a", "*/a"}) {
    Stage stage;
    const Topic* topic = nullptr;
    auto probe = std::make_shared<Script>();
    probe->receive = [&topic](Context&, const Envelope& envelope) -> Outcome {
      topic = envelope.topic;
      return Handled::done;
    };
    auto probing = stage.engine.context_of(stage.client("probe", probe));
    CHECK(probing.subscribe(*Pattern::parse(pattern)));
    CHECK(stage.publish("feed/a", "1"));
    stage.settle();
    REQUIRE(topic != nullptr);
    const auto made = topic->made;
    std::vector<std::pair<Context, SubscriptionId>> held;
    for (int i = 0; i < clients; ++i) {
      auto context = stage.engine.context_of(
          stage.client("c" + std::to_string(i), std::make_shared<Script>()));
      held.emplace_back(context, context.subscribe(*Pattern::parse(pattern))->id);
    }
    CHECK(topic->made == made);
    CHECK(stage.publish("feed/a", "2")->matched == clients + 1);
    const auto full = topic->made;
    CHECK(full > made);
    for (auto& [context, id] : held) CHECK(context.unsubscribe(id));
    CHECK(topic->made == full);
    CHECK(stage.publish("feed/a", "3")->matched == 1);
    CHECK(stage.engine.stats().subscriptions == 1);
  }
}

TEST_CASE("one client subscribes to 100,000 patterns and leaves nothing behind", "[core]") {
  constexpr int patterns = 100'000;
  Stage stage(Limits{.subscriptions_per_actor_max = patterns});
  auto context = stage.engine.context_of(stage.client("c", std::make_shared<Script>()));
  std::vector<SubscriptionId> ids;
  for (int i = 0; i < patterns; ++i) {
    const auto text = (i % 2 == 0 ? "feed/a." : "feed/*.") + std::to_string(i);
    ids.push_back(context.subscribe(*Pattern::parse(text))->id);
  }
  CHECK(context.subscribe(*Pattern::parse("feed/more")).error() == Errc::subs_full);
  CHECK(stage.publish("feed/a.77777", "x")->matched == 1);
  CHECK(stage.engine.stats().subscriptions == patterns);
  for (const auto id : ids) CHECK(context.unsubscribe(id));
  CHECK(stage.engine.stats().subscriptions == 0);
}
