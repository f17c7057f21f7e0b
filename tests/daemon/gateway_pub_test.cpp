// pub: filters of SUB sockets, what is published to them, and the daemon's own marks.
#include "daemon/gateway/filters.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/gateway_fixture.hpp"

namespace backstage::gateway::test {
namespace {

std::vector<std::string> headers(GatewayWorld& world) {
  std::vector<std::string> headers;
  headers.reserve(world.transport.published.size());
  for (const auto& frames : world.transport.published) headers.push_back(frames[0]);
  world.transport.published.clear();
  return headers;
}

TEST_CASE("a filter becomes the narrowest pattern that covers it", "[gateway]") {
  const std::vector<std::pair<std::string, std::string>> rows{
      {"", "*/>"},
      {"counter/default|", "counter/default"},
      {"counter/default|12", "counter/default"},
      {"counter/", "counter/>"},
      {"counter/def", "counter/>"},
      {"counter/md.", "counter/>"},
      {"coun", "*/>"},
      {"a%2", "*/>"},
      {"$dead/stopped|", "$dead/stopped"},
      {"$sys/tick|", "none"},
      {"$sys/", "none"},
      {"counter|", "none"},
      {"bad name/", "none"},
      {"counter/a..b|", "none"},
      {"\xff\xfe", "none"},
      {std::string(65, 'a'), "none"},
  };
  for (const auto& [filter, expected] : rows) {
    INFO(filter);
    const auto pattern = pattern_for(filter);
    CHECK((pattern ? pattern->text() : "none") == expected);
  }
}

TEST_CASE("filters are counted, and a pattern is needed while one filter needs it", "[gateway]") {
  Filters filters(3);
  CHECK(filters.add("a/").pattern.has_value());
  CHECK_FALSE(filters.add("a/").pattern.has_value());
  CHECK_FALSE(filters.add("a/x").pattern.has_value());
  CHECK_FALSE(filters.remove("a/").pattern.has_value());
  CHECK_FALSE(filters.remove("a/").pattern.has_value());
  CHECK(filters.remove("a/x").pattern->text() == "a/>");
  CHECK_FALSE(filters.remove("a/x").pattern.has_value());
  (void)filters.add("1/");
  (void)filters.add("2/");
  (void)filters.add("3/");
  CHECK(filters.add("4/").what == Filters::Added::full);
  CHECK_FALSE(filters.remove("4/").pattern.has_value());
  CHECK(filters.size() == 3);
}

TEST_CASE("what a filter asks for is published, and nothing when nobody asks", "[gateway]") {
  GatewayWorld world;
  auto feed = world.dealer();
  feed.say("HELLO v=1 name=feed");
  feed.say("PUB /a\n1");
  CHECK(headers(world).empty());
  world.front.on_filter("feed/a|", true);
  world.front.on_filter("feed/a|", true);
  feed.say("PUB /a\n2");
  feed.say("PUB /b\n3");
  REQUIRE(world.transport.published.size() == 1);
  CHECK(world.transport.published[0] == Frames{"feed/a|2|e10e9ffb|feed", "2"});
  (void)headers(world);
  world.front.on_filter("feed/a|", false);
  feed.say("PUB /a\n4");
  CHECK(headers(world).size() == 1);
  world.front.on_filter("feed/a|", false);
  CHECK(feed.ask("PUB /a id=9\n5").back() == "OK 9 n=0 full=0");
  CHECK(headers(world).empty());
}

TEST_CASE("overlapping filters publish a message once", "[gateway]") {
  GatewayWorld world;
  auto feed = world.dealer();
  for (const auto* filter : {"feed/a|", "feed/", ""}) world.front.on_filter(filter, true);
  feed.say("PUB feed/a\nx");
  feed.say("PUB feed/a\nx");
  CHECK(headers(world) ==
        std::vector<std::string>{"feed/a|1|e10e9ffb|client.1", "feed/a|2|e10e9ffb|client.1"});
}

TEST_CASE("very many filters are served by one subscription to everything", "[gateway]") {
  GatewayWorld world;
  auto feed = world.dealer();
  for (int i = 0; i < 600; ++i) world.front.on_filter("a" + std::to_string(i) + "/x|", true);
  CHECK(world.stage.engine.stats().subscriptions == 1);
  feed.say("PUB a599/x\nx");
  CHECK(headers(world).size() == 1);
  for (int i = 599; i >= 10; --i) world.front.on_filter("a" + std::to_string(i) + "/x|", false);
  CHECK(world.stage.engine.stats().subscriptions == 10);
  feed.say("PUB a3/x\nx");
  feed.say("PUB a599/x\nx");
  CHECK(headers(world) == std::vector<std::string>{"a3/x|1|e10e9ffb|client.1"});
}

TEST_CASE("filters over the limit are refused and counted", "[gateway]") {
  auto options = GatewayWorld::default_options();
  options.limits.filters_max = 2;
  GatewayWorld world(options);
  for (const auto* filter : {"a/", "b/", "c/"}) world.front.on_filter(filter, true);
  CHECK(world.counters.filters.get() == 2);
  CHECK(world.counters.filters_refused.get() == 1);
  CHECK(world.events.has("filter_refused c/"));
}

TEST_CASE("pub in one frame, where configured", "[gateway]") {
  auto options = GatewayWorld::default_options();
  options.pub_frames = 1;
  GatewayWorld world(options);
  auto feed = world.dealer();
  world.front.on_filter("", true);
  feed.say("PUB feed/a\nbody");
  REQUIRE(world.transport.published.size() == 1);
  CHECK(world.transport.published[0] == Frames{"feed/a|1|e10e9ffb|client.1\nbody"});
}

TEST_CASE("a tick is published every second", "[gateway]") {
  GatewayWorld world;
  for (int i = 0; i < 3; ++i) world.advance(std::chrono::seconds(1));
  world.advance(std::chrono::milliseconds(999));
  CHECK(headers(world) == std::vector<std::string>{"$sys/tick|1|e10e9ffb|backstaged",
                                                   "$sys/tick|2|e10e9ffb|backstaged",
                                                   "$sys/tick|3|e10e9ffb|backstaged"});
}

}  // namespace
}  // namespace backstage::gateway::test
