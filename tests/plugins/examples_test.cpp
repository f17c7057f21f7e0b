// The small examples as built: echo, both counters, ticker and crashy, with good and bad input.
#include <string>
#include <vector>

#include "tests/plugins/fake_host.hpp"
#include "tests/support/catch.hpp"

namespace {

std::string shipped(const std::string& name) { return PLUGINS_DIR "/" + name + ".so"; }

/// The counter in every language it is written in: all of them pass the same cases.
std::vector<std::string> counters() {
  std::vector<std::string> built{"counter", "counter_c"};
  if (BACKSTAGE_HAS_RUST != 0) built.emplace_back("counter_rust");
  return built;
}

bool contains(const std::string& text, const std::string& what) {
  return text.find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("echo replies with the type and body it got", "[echo]") {
  FakeHost host;
  HostedActor echo(host, host.load(shipped("echo")));
  CHECK(echo.ask("hello", "greeting") == "hello");
  CHECK(host.replied.back().type == "greeting");
  CHECK(echo.ask("").empty());
  CHECK(echo.ask(std::string("a\0b", 3)) == std::string("a\0b", 3));
}

TEST_CASE("echo sends a shared body back without copying it", "[echo]") {
  FakeHost host;
  HostedActor echo(host, host.load(shipped("echo")));
  void* data = nullptr;
  bs_buf* buf = host.api()->buf_new(host.api(), 100'000, &data);
  REQUIRE(buf != nullptr);
  bs_msg message{};
  message.kind = BS_MSG_REQUEST;
  message.body = {data, 100'000};
  message.buf = buf;
  host.open_request(77);
  message.corr = 77;
  REQUIRE(echo.receive(message) == BS_OK);
  CHECK(host.replied.back().buf == buf);
  CHECK(host.replied.back().body.size() == 100'000);
  host.api()->buf_unref(host.api(), buf);
  CHECK(host.buffers_alive == 0);
}

TEST_CASE("echo is silent when nobody asked, and for kinds of messages it does not know",
          "[echo]") {
  FakeHost host;
  HostedActor echo(host, host.load(shipped("echo")));
  CHECK(echo.send("hello") == BS_OK);
  for (const std::uint32_t kind : {0U, 8U, 4'000'000'000U}) {
    bs_msg message{};
    message.kind = kind;
    CHECK(echo.receive(message) == BS_OK);
  }
  CHECK(host.replied.empty());
  CHECK(host.published.empty());
}

TEST_CASE("a counter adds, publishes the total retained, and replies to those who ask",
          "[counter]") {
  const std::string type = GENERATE(from_range(counters()));
  INFO(type);
  FakeHost host;
  HostedActor counter(host, host.load(shipped(type)));
  CHECK(counter.ask("5") == "5");
  CHECK(counter.send("-7") == BS_OK);
  CHECK(counter.publish("feed/steps", "12") == BS_OK);
  CHECK(counter.ask("0") == "10");
  REQUIRE(host.published.size() == 4);
  CHECK(host.published[1].body == "-2");
  CHECK(host.published[3].body == "10");
  CHECK(host.published[3].topic == "default");
  CHECK(host.published[3].flags == BS_PUBLISH_RETAIN);
  CHECK(host.replied.size() == 2);
}

TEST_CASE("a counter refuses what is no integer to whoever asked, and goes on", "[counter]") {
  const std::string type = GENERATE(from_range(counters()));
  const std::string bad = GENERATE(as<std::string>{}, "", "-", "+5", " 5", "5 ", "5x", "0x10",
                                   "1.5", "--5", "9223372036854775808", "-9223372036854775809",
                                   "99999999999999999999999999999999", "five");
  INFO(type << " " << bad);
  FakeHost host;
  HostedActor counter(host, host.load(shipped(type)));
  counter.ask("3");
  CHECK(contains(counter.ask(bad), "integers"));
  CHECK(host.replied.back().status == BS_E_ARG);
  CHECK(counter.send(bad) == BS_OK);
  REQUIRE(host.logged.size() == 1);
  CHECK(contains(host.logged[0], "3 "));
  CHECK(counter.ask("0") == "3");
}

TEST_CASE("a counter's total reaches both ends of its range and refuses to pass them",
          "[counter]") {
  const std::string type = GENERATE(from_range(counters()));
  INFO(type);
  FakeHost host;
  HostedActor counter(host, host.load(shipped(type)));
  CHECK(counter.ask("9223372036854775807") == "9223372036854775807");
  CHECK(contains(counter.ask("1"), "no room"));
  CHECK(host.replied.back().status == BS_E_ARG);
  CHECK(counter.ask("-9223372036854775807") == "0");
  CHECK(counter.ask("-9223372036854775808") == "-9223372036854775808");
  CHECK(contains(counter.ask("-1"), "no room"));
}

TEST_CASE("a counter keeps counting when its total cannot be retained", "[counter]") {
  const std::string type = GENERATE(from_range(counters()));
  INFO(type);
  FakeHost host;
  HostedActor counter(host, host.load(shipped(type)));
  host.refuse_next("publish", BS_E_RETAINED_FULL);
  CHECK(counter.ask("4") == "4");
  REQUIRE(host.logged.size() == 1);
  CHECK(contains(host.logged[0], "not published"));
}

TEST_CASE("a counter's total survives save and load", "[counter]") {
  const std::string type = GENERATE(from_range(counters()));
  INFO(type);
  FakeHost host;
  const bs_plugin* plugin = host.load(shipped(type));
  std::string state;
  {
    HostedActor counter(host, plugin);
    counter.ask("-123456789012");
    state = counter.save();
  }
  HostedActor loaded(host, plugin, plugin->types[0]->state_version, state);
  REQUIRE(loaded.created == BS_OK);
  CHECK(loaded.ask("2") == "-123456789010");

  const HostedActor early(host, plugin, 1, state.substr(0, 7));
  CHECK(early.created == BS_E_FAIL);
  CHECK_FALSE(host.error_text.empty());
  const HostedActor late(host, plugin, 1, state + "x");
  CHECK(late.created == BS_E_FAIL);
}

TEST_CASE("a counter ignores messages that are no mail, whatever they hold", "[counter]") {
  const std::string type = GENERATE(from_range(counters()));
  INFO(type);
  FakeHost host;
  HostedActor counter(host, host.load(shipped(type)));
  for (const std::uint32_t kind : {0U, 4U, 5U, 6U, 7U, 8U, 4'000'000'000U}) {
    bs_msg message{};
    message.kind = kind;
    message.body = bs_text("5");
    CHECK(counter.receive(message) == BS_OK);
  }
  CHECK(counter.ask("0") == "0");
  CHECK(host.published.size() == 1);
}

TEST_CASE("a counter written in one language says what the others say in its table", "[counter]") {
  const std::string type = GENERATE(from_range(counters()));
  INFO(type);
  FakeHost host;
  const bs_plugin* plugin = host.load(shipped(type));
  REQUIRE(plugin != nullptr);
  CHECK(plugin->id == "org.backstage." + type);
  CHECK(std::string(plugin->version) == "1.0.0");
  REQUIRE(plugin->type_count == 1);
  CHECK(plugin->types[0]->name == type);
  CHECK(plugin->types[0]->state_version == 1);
  CHECK(plugin->types[0]->state_min == 1);
  // Rust's standard library outlives the plugin's end.
  CHECK(plugin->flags == (type == "counter_rust" ? 0U : static_cast<unsigned>(BS_UNLOAD_SAFE)));
}

TEST_CASE("a counter refuses a host of another ABI in words", "[counter]") {
  const std::string type = GENERATE(from_range(counters()));
  INFO(type);
  FakeHost host;
  host.abi_major = 2;
  CHECK(host.load(shipped(type)) == nullptr);
  CHECK(host.error_code == BS_E_NOSUP);
  CHECK(contains(host.error_text, "ABI"));
}

TEST_CASE("a counter starts where its config says", "[counter]") {
  const std::string type = GENERATE(from_range(counters()));
  INFO(type);
  FakeHost host;
  const bs_plugin* plugin = host.load(shipped(type));
  HostedActor counter(host, plugin, R"({"start": 40})");
  CHECK(counter.ask("2") == "42");
  HostedActor negative(host, plugin, " {\"start\" : -40 } ");
  CHECK(negative.ask("2") == "-38");
  HostedActor plain(host, plugin, "{}");
  CHECK(plain.ask("2") == "2");
  const HostedActor bad(host, plugin, R"({"start": "forty"})");
  CHECK(bad.created == BS_E_ARG);
  CHECK(contains(host.error_text, "\"start\""));
  for (const char* const text :
       {"{", "40", "{\"start\": 1} 2", "{\"start\": 1.5}", "{\"start\": }"}) {
    INFO(text);
    const HostedActor broken(host, plugin, text);
    CHECK(broken.created == BS_E_ARG);
    CHECK_FALSE(host.error_text.empty());
  }
}

TEST_CASE("ticker publishes an increasing number at each tick of its own timer", "[ticker]") {
  FakeHost host;
  HostedActor ticker(host, host.load(shipped("ticker")), R"({"period_ms": 250})");
  REQUIRE(host.timers.size() == 1);
  const auto [id, timer] = *host.timers.begin();
  CHECK(timer.delay_ms == 250);
  CHECK(timer.period_ms == 250);
  bs_msg tick{};
  tick.kind = BS_MSG_TIMER;
  tick.corr = id;
  CHECK(ticker.receive(tick) == BS_OK);
  CHECK(ticker.receive(tick) == BS_OK);
  tick.corr = id + 1;
  CHECK(ticker.receive(tick) == BS_OK);
  CHECK(ticker.send("tick") == BS_OK);
  REQUIRE(host.published.size() == 2);
  CHECK(host.published[0].body == "1");
  CHECK(host.published[1].body == "2");
  CHECK(host.published[1].topic == "default");
}

TEST_CASE("ticker ticks once a second without a config", "[ticker]") {
  FakeHost host;
  const HostedActor ticker(host, host.load(shipped("ticker")));
  REQUIRE(host.timers.size() == 1);
  CHECK(host.timers.begin()->second.period_ms == 1'000);
}

TEST_CASE("ticker refuses a config it cannot run on, with the key", "[ticker]") {
  const std::string bad =
      GENERATE(as<std::string>{}, R"({"period_ms": 0})", R"({"period_ms": -5})",
               R"({"period_ms": 86400001})", R"({"period_ms": "fast"})", R"({"period_ms": 1.5})");
  INFO(bad);
  FakeHost host;
  const HostedActor ticker(host, host.load(shipped("ticker")), bad);
  CHECK(ticker.created == BS_E_ARG);
  CHECK(contains(host.error_text, "\"period_ms\" must be an integer"));
  CHECK(host.timers.empty());
}

TEST_CASE("ticker fails its creation when the daemon has no timers for it", "[ticker]") {
  FakeHost host;
  host.refuse_next("set_timer", BS_E_TIMERS_FULL);
  const HostedActor full(host, host.load(shipped("ticker")));
  CHECK(full.created == BS_E_TIMERS_FULL);
  host.offers_extensions = false;
  const HostedActor none(host, host.load(shipped("ticker")));
  CHECK(none.created == BS_E_NOSUP);
  CHECK(contains(host.error_text, "unsupported"));
}

TEST_CASE("crashy fails as it is told to, and what it throws becomes a status and a text",
          "[crashy]") {
  FakeHost host;
  HostedActor crashy(host, host.load(shipped("crashy")));
  CHECK(crashy.ask("hello") == "alive 1");
  CHECK(crashy.request("", "throw") == BS_E_FAIL);
  CHECK(host.error_code == BS_E_FAIL);
  CHECK(host.error_text == "crashy was told to throw");
  CHECK(crashy.request("", "fail") == BS_E_FAIL);
  CHECK(host.error_text == "crashy was told to fail");
  CHECK(crashy.send("throw") == BS_E_FAIL);
  CHECK(crashy.send("fail") == BS_E_FAIL);
  CHECK(crashy.ask("throw", "other") == "alive 2");
}

TEST_CASE("crashy fails its creation when its config says so", "[crashy]") {
  FakeHost host;
  const bs_plugin* plugin = host.load(shipped("crashy"));
  const HostedActor failed(host, plugin, R"({"throw_in_create": true})");
  CHECK(failed.created == BS_E_FAIL);
  CHECK(contains(host.error_text, "at its creation"));
  const HostedActor fine(host, plugin, R"({"throw_in_create": false})");
  CHECK(fine.created == BS_OK);
  const HostedActor odd(host, plugin, R"({"throw_in_create": "yes"})");
  CHECK(odd.created == BS_E_ARG);
}
