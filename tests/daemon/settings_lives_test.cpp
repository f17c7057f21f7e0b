// From config to the engine: each word and number arrives as what it means there.
#include "daemon/config/load.hpp"
#include "daemon/settings.hpp"
#include "tests/support/catch.hpp"

namespace backstage::daemon {
namespace {

using namespace std::chrono_literals;

config::Config load(const char* text) {
  auto loaded = config::load_config_text(text, "settings.json", {}, {});
  if (!loaded) FAIL(config::render(loaded.error()));
  return std::move(loaded->values);
}

}  // namespace

TEST_CASE("a type of the config has the supervision that is written", "[config]") {
  const auto config = load(R"({"types": {"t": {"supervision": {
      "strategy": "rest_for_one", "restart": "permanent", "intensity": 9, "period": "3s",
      "retries": 2, "backoff_min": "5ms", "backoff_max": "6ms", "jitter_percent": 7,
      "healthy_after": "8s", "stop_deadline": "1ms"}}}})");
  const auto settings = type_settings(config, "t").supervision;
  CHECK(settings.strategy == backstage::Strategy::rest_for_one);
  CHECK(settings.restart == backstage::Restart::permanent);
  CHECK(settings.intensity == 9);
  CHECK(settings.period == 3s);
  CHECK(settings.retries == 2);
  CHECK(settings.backoff_min == 5ms);
  CHECK(settings.backoff_max == 6ms);
  CHECK(settings.jitter_percent == 7);
  CHECK(settings.healthy_after == 8s);
  CHECK(settings.stop_deadline == 1ms);
  CHECK(is_valid(settings));
}

TEST_CASE("a type that says nothing has the engine's own defaults", "[config]") {
  const auto config = load(R"({"types": {"t": {}}})");
  const Supervision engine;
  for (const char* type : {"t", "unknown"}) {
    const auto settings = type_settings(config, type).supervision;
    CHECK(settings.strategy == engine.strategy);
    CHECK(settings.restart == engine.restart);
    CHECK(settings.intensity == engine.intensity);
    CHECK(settings.period == engine.period);
    CHECK(settings.retries == engine.retries);
    CHECK(settings.backoff_min == engine.backoff_min);
    CHECK(settings.backoff_max == engine.backoff_max);
    CHECK(settings.jitter_percent == engine.jitter_percent);
    CHECK(settings.healthy_after == engine.healthy_after);
    CHECK(settings.stop_deadline == engine.stop_deadline);
  }
}

TEST_CASE("every word of strategy and restart has its meaning in the engine", "[config]") {
  const auto supervision = [](const std::string& key, const std::string& word) {
    const auto text = R"({"types": {"t": {"supervision": {")" + key + R"(": ")" + word + R"("}}}})";
    return type_settings(load(text.c_str()), "t").supervision;
  };
  CHECK(supervision("strategy", "one_for_one").strategy == backstage::Strategy::one_for_one);
  CHECK(supervision("strategy", "one_for_all").strategy == backstage::Strategy::one_for_all);
  CHECK(supervision("restart", "transient").restart == backstage::Restart::transient);
  CHECK(supervision("restart", "temporary").restart == backstage::Restart::temporary);
}

TEST_CASE("an actor of the config says what it has instead, the rest is its type's", "[config]") {
  const auto config = load(R"({"actors": {
      "plain": "t",
      "own": {"type": "t", "config": {"a": 1}, "mailbox": {"messages": 3, "bytes": 4},
              "overflow": "conflate", "restart": "temporary"},
      "half": {"type": "t", "mailbox": {"bytes": 4}}}})");
  const MailboxLimits of_type{11, 12};
  const auto plain = spawn_request(config.actors.at(0), of_type);
  CHECK(plain.type == "t");
  CHECK(plain.name == "plain");
  CHECK(plain.config.empty());
  CHECK_FALSE(plain.mailbox);
  CHECK_FALSE(plain.overflow);
  CHECK_FALSE(plain.restart);
  const auto own = spawn_request(config.actors.at(1), of_type);
  CHECK(own.config == R"({"a":1})");
  REQUIRE(own.mailbox);
  CHECK(own.mailbox->data_messages_max == 3);
  CHECK(own.mailbox->data_bytes_max == 4);
  CHECK(own.overflow == backstage::Overflow::conflate);
  CHECK(own.restart == backstage::Restart::temporary);
  const auto half = spawn_request(config.actors.at(2), of_type);
  REQUIRE(half.mailbox);
  CHECK(half.mailbox->data_messages_max == 11);
  CHECK(half.mailbox->data_bytes_max == 4);
}

}  // namespace backstage::daemon
