// From the config's values to what the engine and its threads are given.
#include "daemon/settings.hpp"

#include "tests/support/catch.hpp"

namespace backstage::daemon {

using namespace std::chrono_literals;

TEST_CASE("a type's dispatcher and turn budget reach the engine", "[settings]") {
  config::Config config;
  config.turn_budget = 3s;
  config::TypeConfig pinned;
  pinned.type = "pinned";
  pinned.dispatcher = config::Dispatcher::pinned;
  pinned.turn_budget = 1min;
  config::TypeConfig plain;
  plain.type = "plain";
  config::TypeConfig free;
  free.type = "free";
  free.turn_budget = 0ms;
  config.types = {pinned, plain, free};
  CHECK(type_settings(config, "pinned").dispatcher == backstage::Dispatcher::pinned);
  CHECK(type_settings(config, "pinned").turn_budget == Duration(1min));
  CHECK(type_settings(config, "plain").dispatcher == backstage::Dispatcher::pool);
  CHECK(type_settings(config, "plain").turn_budget == Duration(3s));
  CHECK(type_settings(config, "free").turn_budget == Duration(0));
  // One that the config does not name.
  CHECK(type_settings(config, "other").turn_budget == Duration(3s));
  CHECK(type_settings(config, "other").dispatcher == backstage::Dispatcher::pool);
}

TEST_CASE("hung turns are looked for four times within the shortest budget", "[settings]") {
  config::Config config;
  CHECK(overseer_tick(config) == Duration(250ms));
  config::TypeConfig type;
  type.turn_budget = 100ms;
  config.types = {type};
  CHECK(overseer_tick(config) == Duration(25ms));
  config.types[0].turn_budget = 1ms;
  CHECK(overseer_tick(config) == Duration(1ms));
  config.types[0].turn_budget = 0ms;
  config.turn_budget = 1h;
  CHECK(overseer_tick(config) == Duration(250ms));
  config.turn_budget = 0ms;
  CHECK(overseer_tick(config) == std::nullopt);
  config.types[0].turn_budget = 200ms;
  CHECK(overseer_tick(config) == Duration(50ms));
}

}  // namespace backstage::daemon
