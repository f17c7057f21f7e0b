// Generations of a plugin and their files: what comes, goes, is kept, and leaves memory.
#include <fmt/format.h>

#include <algorithm>

#include "tests/daemon/plugin_host_theatre.hpp"
#include "tests/support/catch.hpp"

namespace backstage::plugin_host::test {
namespace {

using namespace std::chrono_literals;

}  // namespace

TEST_CASE("after its probation a version is established, and the one before it leaves memory",
          "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.settle_heirs({5});
  theatre.replace(bad("heir_2"), "heir.so");
  theatre.finish_upgrade();
  theatre.run(29s);
  CHECK(theatre.version("2.0.0").state == State::probation);
  theatre.run(2s);
  CHECK(theatre.version("2.0.0").state == State::active);
  CHECK(theatre.version("1.0.0").state == State::unmapped);
  CHECK(theatre.ask("a", "1") == "2.0.0 6");
}

TEST_CASE("an actor that was abandoned by its plugin's version is nobody's: 500 upgrades leave one",
          "[plugin_host]") {
  auto options = quick();
  options.probation = Duration::zero();
  Theatre theatre{options};
  theatre.settle_heirs({1});
  for (int i = 0; i < 500; ++i) {
    theatre.replace(bad(i % 2 == 0 ? "heir_2" : "heir_1"), "heir.so");
    theatre.finish_upgrade();
    theatre.run(12ms);
  }
  std::size_t mapped = 0;
  for (const auto& plugin : theatre.host->list()) mapped += plugin.state == State::unmapped ? 0 : 1;
  CHECK(mapped == 1);
  CHECK(theatre.host->list().size() <= PluginHost::history_max + 1);
  CHECK(theatre.ask("a", "0") == "1.0.0 1");
}

TEST_CASE("a plugin whose file is removed drains: its actors go on, new ones are refused",
          "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.settle_heirs({5});
  theatre.remove("heir.so");
  theatre.run(1s);
  CHECK(theatre.version("1.0.0").state == State::draining);
  CHECK(theatre.ask("a", "1") == "1.0.0 6");
  CHECK(theatre.stage.engine.spawn({.type = "heir", .name = "new"}).error() == Errc::no_type);
  REQUIRE(theatre.stage.engine.stop(*theatre.stage.engine.find("a"), StopVerb::stop));
  theatre.run(1s);
  CHECK(theatre.version("1.0.0").state == State::unmapped);
}

TEST_CASE("a plugin that comes back while it drains takes its actors over", "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.settle_heirs({5});
  theatre.remove("heir.so");
  theatre.run(1s);
  theatre.replace(bad(GENERATE(as<const char*>{}, "heir_1", "heir_2")), "heir.so");
  theatre.finish_upgrade();
  CHECK(theatre.ask("a", "0").ends_with(" 5"));
  theatre.stage.spawn("heir", "new");
  CHECK(theatre.ask("new", "1").ends_with(" 1"));
}

TEST_CASE("the lower version takes over when the file of the higher one is removed",
          "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.drop(bad("heir_1"));
  theatre.drop(bad("heir_2"));
  theatre.load();
  theatre.stage.spawn("heir", "a");
  CHECK(theatre.ask("a", "3") == "2.0.0 3");
  theatre.remove("heir_2.so");
  theatre.finish_upgrade();
  theatre.finish_upgrade();
  CHECK(theatre.ask("a", "0") == "1.0.0 3");
}

TEST_CASE("where no other file can take over, a removed plugin drains, and each is tried once",
          "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.drop(bad("heir_2_with_library"));
  theatre.drop(bad("heir_3"));
  theatre.load();
  theatre.stage.spawn("heir", "a");
  CHECK(theatre.ask("a", "3") == "3.0.0 3");
  theatre.remove("heir_3.so");
  theatre.run(1s);
  CHECK(theatre.version("3.0.0").state == State::draining);
  CHECK(theatre.refusal("heir_2_with_library.so").find("[PRIVATE_LIBRARY]") != std::string::npos);
  const std::string line = "refused heir_2_with_library.so PRIVATE_LIBRARY";
  CHECK(std::ranges::count(theatre.events.lines, line) == 1);
  CHECK(theatre.ask("a", "1") == "3.0.0 4");
}

TEST_CASE("a restart gives a version another chance that only could not take actors over",
          "[plugin_host]") {
  TempDir state;
  auto options = quick();
  options.keepsakes = state.path() / "plugins";
  Theatre theatre{options};
  theatre.settle_heirs({5});
  theatre.replace(bad("heir_2_load_fails"), "heir.so");
  theatre.finish_upgrade();
  CHECK(theatre.version("2.0.0").code == "UPGRADE_FAILED");
  theatre.stop_actors();
  options.loader.staging_parents = {theatre.runtime.path()};
  theatre.host.emplace(theatre.stage.engine, theatre.events, options);
  CHECK(theatre.load().active == 1);
  CHECK(theatre.version("2.0.0").state == State::active);
}

TEST_CASE("a file of a higher version beside the one that serves is an upgrade", "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.settle_heirs({5});
  theatre.replace(bad("heir_3"), "other.so");
  theatre.finish_upgrade();
  CHECK(theatre.ask("a", "0") == "3.0.0 5");
  theatre.replace(bad("heir_2"), "third.so");
  theatre.finish_upgrade();
  CHECK(theatre.refusal("third.so").find("[OLDER_VERSION]") != std::string::npos);
  CHECK(theatre.ask("a", "0") == "3.0.0 5");
}

TEST_CASE("code that the loader keeps is pinned, with the reason", "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.play({bad("clinging")});
  theatre.stage.spawn("clinging", "a");
  CHECK(theatre.ask("a", "!") == "1!");
  theatre.remove("clinging.so");
  REQUIRE(theatre.stage.engine.stop(*theatre.stage.engine.find("a"), StopVerb::stop));
  theatre.run(1s);
  const auto pinned = theatre.version("1.0.0");
  CHECK(pinned.state == State::pinned);
  CHECK(pinned.reason.find("thread-local destructor") != std::string::npos);
  CHECK(theatre.events.has("pinned test.clinging"));
}

TEST_CASE("a version that does not come to rest is pinned", "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.play({bad("never_quiet")});
  theatre.remove("never_quiet.so");
  theatre.run(1s);
  const auto pinned = theatre.info("never_quiet.so");
  CHECK(pinned.state == State::pinned);
  CHECK(pinned.reason.find("did not come to rest") != std::string::npos);
}

TEST_CASE("after a restart the last good file stands in for one that was sent back",
          "[plugin_host]") {
  TempDir state;
  auto options = quick();
  options.keepsakes = state.path() / "plugins";
  Theatre theatre{options};
  theatre.settle_heirs({5});
  theatre.replace(bad("heir_2"), "heir.so");
  theatre.finish_upgrade();
  REQUIRE(theatre.host->roll_back("test.heir", theatre.stage.clock.now()));
  theatre.finish_upgrade();
  theatre.stop_actors();

  options.loader.staging_parents = {theatre.runtime.path()};
  theatre.host.emplace(theatre.stage.engine, theatre.events, options);
  CHECK(theatre.load().active == 1);
  CHECK(theatre.version("2.0.0").code == "ROLLED_BACK");
  theatre.stage.spawn("heir", "a");
  CHECK(theatre.ask("a", "3") == "1.0.0 3");
  SECTION("a corrected file takes over from it, whatever its version") {
    theatre.replace(bad("heir_3"), "heir.so");
    theatre.finish_upgrade();
    CHECK(theatre.ask("a", "0") == "3.0.0 3");
  }
  SECTION("somebody may give what was sent back another chance") {
    const auto* const which = GENERATE(as<const char*>{}, "heir.so", "test.heir");
    REQUIRE(theatre.host->retry(which, theatre.stage.clock.now()));
    theatre.finish_upgrade();
    theatre.run(31s);
    CHECK(theatre.ask("a", "0") == "2.0.0 3");
    CHECK(theatre.version("2.0.0").state == State::active);
  }
}

TEST_CASE("a file that is moved to another name stays what it is", "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.settle_heirs({5});
  fs::rename(theatre.directory.path() / "heir.so", theatre.directory.path() / "other.so");
  theatre.host->file_went(theatre.directory.path() / "heir.so", theatre.stage.clock.now());
  (void)theatre.host->file_came(theatre.directory.path() / "other.so", theatre.stage.clock.now());
  theatre.run(1s);
  CHECK(theatre.info("other.so").state == State::active);
  CHECK(theatre.info("other.so").generation == 1);
  CHECK(theatre.ask("a", "0") == "1.0.0 5");
}

}  // namespace backstage::plugin_host::test
