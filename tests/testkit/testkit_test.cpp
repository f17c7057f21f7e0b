// The test kit as an author uses it, with a plugin from a file and with one that is linked in.
#include <backstage/testkit.hpp>

#include <string>
#include <vector>

#include "tests/support/catch.hpp"

namespace {

using backstage::testkit::failure;
using backstage::testkit::mail;
using backstage::testkit::reaction;
using backstage::testkit::stage;
using Catch::Matchers::Contains;
using namespace std::chrono_literals;

const std::string first = TESTKIT_PLUGINS "/greeter_1.so";
const std::string second = TESTKIT_PLUGINS "/greeter_2.so";

void load(stage& on, bool from_file) { from_file ? on.load(first) : on.load(&backstage_plugin_v1); }

std::vector<std::string> bodies(const std::vector<mail>& all) {
  std::vector<std::string> found;
  found.reserve(all.size());
  for (const auto& one : all) found.push_back(one.body);
  return found;
}

std::string code_of(const std::function<void()>& what) {
  try {
    what();
  } catch (const failure& thrown) {
    return thrown.code();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("an actor from a file, and one linked in, is spawned and asked", "[testkit]") {
  const bool from_file = GENERATE(true, false);
  stage on;
  load(on, from_file);
  CHECK(on.spawn("greeter", "g", R"({"greeting": "good day,"})") == "g");
  CHECK(on.ask("g", "", "world") == "good day, world");
  CHECK(on.ask("g", "age", "42") == "42");
  CHECK(on.phase("g") == "running");
  CHECK(on.metric("greetings") == 1.0);
  CHECK(on.metric("known") == 0.5);
  CHECK(on.metric("none") == std::nullopt);
  CHECK(on.retained("g/default") == "world");
  CHECK(on.retained("g/other") == std::nullopt);
  REQUIRE(on.logs().size() == 1);
  CHECK(on.logs()[0].level == "info");
  CHECK(on.logs()[0].actor == "g");
  CHECK(on.logs()[0].text == "greeted world");
}

TEST_CASE("a stage after a stage begins anew", "[testkit]") {
  for (int i = 0; i < 3; ++i) {
    stage on;
    load(on, false);
    on.spawn("greeter", "g");
    CHECK(on.ask("g", "", "you") == "hello you");
    CHECK(on.metric("greetings") == 1.0);
  }
}

TEST_CASE("a request that is refused says so, with the actor's sentence", "[testkit]") {
  stage on;
  load(on, false);
  on.spawn("greeter", "g");
  const auto told = on.request("g", "age", "256");
  REQUIRE(told.is_here());
  CHECK_FALSE(told.ok());
  CHECK(told.get().error == "bad_arg");
  CHECK_THAT(told.get().body, Contains("must be an integer from 0 to 255"));
  CHECK_THROWS_WITH(told.must(), Contains("the request was refused: the message age cannot be"));
  CHECK(code_of([&] { on.ask("g", "sing", ""); }) == "unsupported");
  CHECK(on.failures().empty());
}

TEST_CASE("stubs stand in for the actors that one works with", "[testkit]") {
  stage on;
  load(on, false);
  on.spawn("greeter", "g");
  int asked = 0;
  on.stub("names", [&](const mail& got) {
    CHECK(got.from == "g");
    if (got.body == "nobody") return reaction::refuse(BS_E_NO_ACTOR, "nobody is there");
    if (got.body == "silence") return reaction::silence();
    return reaction::reply("no. " + std::to_string(++asked));
  });
  CHECK(on.ask("g", "ask", "x") == "hello no. 1");
  CHECK(code_of([&] { on.ask("g", "ask", "nobody"); }) == "no_actor");
  on.send("g", "tell", "names");
  REQUIRE(on.received("names").size() == 3);
  CHECK(on.received("names")[2].kind == "send");
  CHECK(on.received("names")[2].body == "told");
  on.send("g", "tell", "test");
  CHECK(bodies(on.inbound()) == std::vector<std::string>{"told"});
  CHECK(on.request("g", "version", "", 5000ms, "names").must() == "1.0.0");

  const auto open = on.request("g", "ask", "silence");
  CHECK_FALSE(open.is_here());
  CHECK_THROWS_WITH(open.must(), Contains("no answer yet"));
  on.advance(999ms);
  CHECK_FALSE(open.is_here());
  on.advance(1ms);
  CHECK(open.get().error == "timeout");
}

TEST_CASE("time passes only when it is told to, timer by timer", "[testkit]") {
  stage on;
  load(on, false);
  on.spawn("greeter", "g");
  on.subscribe("g/*");
  on.subscribe("*/tick");
  on.send("g", "later", "5000");
  on.send("g", "tick", "1000");
  on.advance(4999ms);
  CHECK(on.published("g/late").empty());
  CHECK(bodies(on.published("g/tick")) == std::vector<std::string>{"1", "2", "3", "4"});
  on.advance(1ms);
  CHECK(bodies(on.published("g/late")) == std::vector<std::string>{"now"});
  CHECK(on.published("g/tick").back().seq == 5);
  CHECK(on.now() == 5000ms);
}

TEST_CASE("monitors hear of an end, and an end says good-bye", "[testkit]") {
  stage on;
  load(on, false);
  on.spawn("greeter", "g");
  on.spawn("greeter", "h");
  on.subscribe("*/>");
  on.send("g", "watch", "h");
  on.stop("h");
  CHECK(on.phase("h") == "gone");
  CHECK(bodies(on.published("h/end")) == std::vector<std::string>{"good-bye"});
  CHECK(bodies(on.published("g/down")) == std::vector<std::string>{"h stopped"});
}

TEST_CASE("failures, restarts and dead letters are visible", "[testkit]") {
  stage on;
  load(on, false);
  on.spawn("greeter", "g");
  CHECK(code_of([&] { on.ask("g", "fail", "as told"); }) == "actor_failed");
  REQUIRE(on.failures().size() == 1);
  CHECK(on.failures()[0].actor == "g");
  CHECK(on.failures()[0].reason == "as told");
  REQUIRE(on.dead_letters().size() == 1);
  CHECK(on.dead_letters()[0].cause == "failed");
  CHECK(on.dead_letters()[0].type == "fail");
  on.advance(1min);
  CHECK(on.phase("g") == "running");
  CHECK(on.ask("g", "", "again") == "hello again");
}

TEST_CASE("what the test itself gets wrong is refused with the engine's words", "[testkit]") {
  stage on;
  load(on, true);
  CHECK(code_of([&] { on.spawn("singer", "s"); }) == "no_type");
  CHECK(code_of([&] { on.spawn("greeter", "a b"); }) == "bad_name");
  CHECK_THROWS_WITH(on.spawn("greeter", "g", R"({"greeting": ""})"),
                    Contains("g could not be made: a greeting is not empty [actor_failed]"));
  CHECK(code_of([&] { on.send("nobody", "", "x"); }) == "no_actor");
  CHECK(code_of([&] { on.request("nobody", "", "x"); }) == "no_actor");
  CHECK(code_of([&] { on.subscribe("//"); }) == "bad_addr");
  CHECK(code_of([&] { on.publish("a b", "", ""); }) == "bad_addr");
  CHECK(code_of([&] { (void)on.received("nobody"); }) == "no_stub");
  CHECK(code_of([&] { on.stop("nobody"); }) == "no_actor");
  CHECK(code_of([&] { on.load("no/such.so"); }) == "UNREADABLE");
  stage linked;
  load(linked, false);
  CHECK(code_of([&] { load(linked, false); }) == "name_in_use");
  linked.spawn("greeter", "g");
  CHECK(linked.ask("g", "", "still there") == "hello still there");
}

TEST_CASE("a plugin that is refused is refused as the daemon would", "[testkit]") {
  stage on;
  CHECK(code_of([&] { on.load(TESTKIT_SOURCES "/greeter.cpp"); }) == "NOT_ELF");
  on.configure("test.greeter", R"({"refuse": true})");
  CHECK_THROWS_WITH(on.load(first), Contains("told to refuse") && Contains("[INIT_FAILED]"));
  CHECK_THROWS_WITH(on.load(&backstage_plugin_v1, R"({"refuse": true})"), Contains("told to"));
}

TEST_CASE("a second version takes the living actors over, with their state", "[testkit]") {
  stage on;
  on.load(first);
  on.spawn("greeter", "g", R"({"greeting": "hail"})");
  on.ask("g", "age", "7");
  CHECK(on.ask("g", "version", "") == "1.0.0");
  on.load(second);
  CHECK(on.ask("g", "version", "") == "2.0.0");
  CHECK(on.ask("g", "", "you") == "hail you");
  CHECK(on.failures().empty());
}

TEST_CASE("an upgrade waits for open continuations, and says who does not pass", "[testkit]") {
  stage on;
  on.load(first);
  on.spawn("greeter", "g");
  on.stub("names");
  const auto open = on.request("g", "ask", "x");
  on.load(second);
  CHECK(open.get().error == "timeout");
  CHECK(on.ask("g", "version", "") == "2.0.0");

  stage other;
  other.load(first);
  other.spawn("greeter", "g", R"({"greeting": "stubborn"})");
  CHECK_THROWS_WITH(other.load(second), Contains("it does not want to go"));
  CHECK(other.ask("g", "version", "") == "1.0.0");
}

TEST_CASE("an upgrade leaves no timer of the old self behind", "[testkit]") {
  stage on;
  on.load(first);
  on.spawn("greeter", "g");
  on.subscribe("g/tick");
  on.send("g", "tick", "1000");
  on.advance(2000ms);
  CHECK(on.published("g/tick").size() == 2);
  on.load(second);
  on.advance(5000ms);
  CHECK(on.published("g/tick").size() == 2);
  CHECK(on.logs().empty());
}

TEST_CASE("the same seed plays the same order, and some seeds play others", "[testkit]") {
  const auto play = [](std::uint64_t seed) {
    stage on(seed);
    load(on, false);
    for (const char* name : {"a", "b", "c", "d", "e", "f"}) on.spawn("greeter", name);
    on.stub("ear");
    for (const char* name : {"a", "b", "c", "d", "e", "f"}) on.send(name, "later", "10");
    on.advance(10ms);
    std::string order;
    for (const auto& got : on.received("ear")) order += got.from;
    return order;
  };
  CHECK(play(7) == play(7));
  CHECK(play(0) == "abcdef");
  int others = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) others += play(seed) == "abcdef" ? 0 : 1;
  CHECK(others > 10);
}
