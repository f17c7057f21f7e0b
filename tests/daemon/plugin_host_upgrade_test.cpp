// A plugin is replaced while its actors live: what becomes of them, of their mail, of the file.
#include <fmt/format.h>

#include <fstream>

#include "tests/daemon/plugin_host_theatre.hpp"
#include "tests/support/catch.hpp"

namespace backstage::plugin_host::test {
namespace {

using namespace std::chrono_literals;

}  // namespace

TEST_CASE("an upgrade keeps each actor's state, name and mail", "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.settle_heirs({5, 7});
  for (int i = 0; i < 100; ++i) REQUIRE(theatre.stage.send("a", "1"));
  theatre.replace(bad("heir_2"), "heir.so");
  for (int i = 0; i < 100; ++i) REQUIRE(theatre.stage.send("a", "1"));
  theatre.finish_upgrade();
  CHECK(theatre.ask("a", "0") == "2.0.0 205");
  CHECK(theatre.ask("b", "0") == "2.0.0 7");
  CHECK(theatre.version("2.0.0").state == State::probation);
  CHECK(theatre.version("2.0.0").actors == 2);
  CHECK(theatre.version("1.0.0").state == State::draining);
  CHECK(theatre.version("1.0.0").actors == 0);
  CHECK(theatre.events.has("upgraded test.heir 1.0.0 2.0.0"));
  CHECK(theatre.stage.ledger().is_balanced());
  theatre.stage.spawn("heir", "new");
  CHECK(theatre.ask("new", "1") == "2.0.0 1");
}

TEST_CASE("an upgrade whose state ranges do not meet is refused before any actor is touched",
          "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.settle_heirs({5});
  theatre.replace(bad("heir_2_late"), "heir.so");
  theatre.finish_upgrade();
  const auto text = theatre.refusal("heir.so");
  CHECK(text.find("[INCOMPATIBLE]") != std::string::npos);
  CHECK(text.find("saves state of version 1, and the new one loads 2 to 3") != std::string::npos);
  CHECK(theatre.ask("a", "1") == "1.0.0 6");
  CHECK(theatre.version("1.0.0").state == State::active);
}

TEST_CASE("a version without load for the state of living actors is refused", "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.settle_heirs({5});
  theatre.replace(bad("heir_2_unsaved"), "heir.so");
  theatre.finish_upgrade();
  CHECK(theatre.refusal("heir.so").find("has no load") != std::string::npos);
  CHECK(theatre.ask("a", "1") == "1.0.0 6");
}

TEST_CASE("keep_old leaves those that cannot move where they are, until they end",
          "[plugin_host]") {
  auto options = quick();
  options.on_incompatible = OnIncompatible::keep_old;
  options.probation = 1s;
  Theatre theatre{options};
  theatre.settle_heirs({5});
  theatre.replace(bad("heir_2_late"), "heir.so");
  theatre.finish_upgrade();
  CHECK(theatre.ask("a", "1") == "1.0.0 6");
  theatre.stage.spawn("heir", "new");
  CHECK(theatre.ask("new", "1") == "2.0.0 1");
  theatre.run(2s);
  CHECK(theatre.version("2.0.0").state == State::active);
  CHECK(theatre.version("1.0.0").state == State::draining);
  CHECK(theatre.ask("a", "fail").starts_with("!actor_failed"));
  theatre.run(1s);
  CHECK(theatre.ask("a", "1") == "1.0.0 1");
  REQUIRE(theatre.stage.engine.stop(*theatre.stage.engine.find("a"), StopVerb::stop));
  theatre.run(1s);
  CHECK(theatre.version("1.0.0").state == State::unmapped);
}

TEST_CASE("a later version takes those over that an earlier one left behind", "[plugin_host]") {
  auto options = quick();
  options.on_incompatible = OnIncompatible::keep_old;
  Theatre theatre{options};
  theatre.settle_heirs({5});
  theatre.replace(bad("heir_2_late"), "heir.so");
  theatre.finish_upgrade();
  CHECK(theatre.ask("a", "1") == "1.0.0 6");
  theatre.replace(bad("heir_3"), "heir.so");
  theatre.finish_upgrade();
  theatre.run(1s);
  CHECK(theatre.ask("a", "0") == "3.0.0 6");
  CHECK(theatre.version("1.0.0").state == State::unmapped);
}

TEST_CASE("moving those left behind takes no name from another plugin", "[plugin_host]") {
  auto options = quick();
  options.on_incompatible = OnIncompatible::keep_old;
  Theatre theatre{options};
  theatre.settle_heirs({5});
  theatre.replace(bad("heir_2_renamed"), "heir.so");
  theatre.finish_upgrade();
  const auto other = theatre.stage.type("heir");
  const auto again = theatre.runtime.path() / "again.so";
  fs::copy_file(bad("heir_2_renamed"), again);
  std::ofstream(again, std::ios::app) << "another content";
  theatre.replace(again, "heir.so");
  theatre.finish_upgrade();
  theatre.run(31s);
  CHECK(theatre.version("1.0.0").state == State::draining);
  theatre.stage.spawn("heir", "other");
  CHECK(theatre.ask("a", "0") == "1.0.0 5");
}

TEST_CASE("restart_fresh makes those anew that cannot keep their state", "[plugin_host]") {
  auto options = quick();
  options.on_incompatible = OnIncompatible::restart_fresh;
  Theatre theatre{options};
  theatre.settle_heirs({5});
  theatre.replace(bad("heir_2_late"), "heir.so");
  theatre.finish_upgrade();
  CHECK(theatre.ask("a", "1") == "2.0.0 1");
}

TEST_CASE("a type without save begins fresh with each version", "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.drop(bad("heir_2_unsaved"), "heir.so");
  theatre.load();
  theatre.stage.spawn("heir", "a");
  CHECK(theatre.ask("a", "4") == "2.0.0 4");
  REQUIRE(theatre.stage.send("a", "2"));
  theatre.replace(bad("heir_3"), "heir.so");
  REQUIRE(theatre.stage.send("a", "3"));
  theatre.finish_upgrade();
  CHECK(theatre.ask("a", "0") == "3.0.0 5");
  CHECK(theatre.stage.ledger().is_balanced());
}

TEST_CASE("a save or load that fails leaves every actor as it was", "[plugin_host]") {
  const auto* const next =
      GENERATE(as<const char*>{}, "heir_2_load_fails", "heir_2_load_fails_late");
  Theatre theatre{quick()};
  theatre.settle_heirs({1, 2, 9, 3});
  for (int i = 0; i < 10; ++i) REQUIRE(theatre.stage.send("c", "1"));
  theatre.replace(bad(next), "heir.so");
  theatre.finish_upgrade();
  CHECK(theatre.ask("a", "0") == "1.0.0 1");
  CHECK(theatre.ask("b", "0") == "1.0.0 2");
  CHECK(theatre.ask("c", "0") == "1.0.0 19");
  CHECK(theatre.ask("d", "0") == "1.0.0 3");
  CHECK(theatre.version("1.0.0").state == State::active);
  const auto failed = theatre.version("2.0.0");
  CHECK(failed.code == "UPGRADE_FAILED");
  CHECK(failed.state == State::rejected);
  CHECK(failed.reason.find(next == std::string_view{"heir_2_load_fails"}
                               ? "I cannot read that"
                               : "c: ") != std::string::npos);
  CHECK(theatre.stage.ledger().is_balanced());
}

TEST_CASE("a save that fails keeps the version that failed to save", "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.drop(bad("heir_2_save_fails"), "heir.so");
  theatre.load();
  theatre.stage.spawn("heir", "a");
  CHECK(theatre.ask("a", "4") == "2.0.0 4");
  theatre.replace(bad("heir_3"), "heir.so");
  theatre.finish_upgrade();
  CHECK(theatre.ask("a", "1") == "2.0.0 5");
  CHECK(theatre.version("3.0.0").reason.find("the disk of my mind is full") != std::string::npos);
}

TEST_CASE("who is busy is asked again until the deadline", "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.drop(bad("heir_2_busy"), "heir.so");
  theatre.load();
  theatre.stage.spawn("heir", "a");
  CHECK(theatre.ask("a", "4") == "2.0.0 4");
  theatre.replace(bad("heir_3"), "heir.so");
  theatre.finish_upgrade();
  CHECK(theatre.ask("a", "0") == "3.0.0 4");
}

TEST_CASE("who is busy past the deadline stays, and the upgrade is off", "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.drop(bad("heir_2_stuck"), "heir.so");
  theatre.load();
  theatre.stage.spawn("heir", "a");
  CHECK(theatre.ask("a", "4") == "2.0.0 4");
  const auto begun = theatre.stage.clock.now();
  theatre.replace(bad("heir_3"), "heir.so");
  theatre.finish_upgrade();
  CHECK(theatre.stage.clock.now() - begun >= 10s);
  CHECK(theatre.ask("a", "0") == "2.0.0 4");
  CHECK(theatre.version("3.0.0").reason.find("it has been busy for 10 s") != std::string::npos);
}

TEST_CASE("an init that fails leaves the version before it alone", "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.settle_heirs({5});
  theatre.replace(bad("heir_2_init_fails"), "heir.so");
  theatre.finish_upgrade();
  CHECK(theatre.refusal("heir.so").find("[INIT_FAILED]") != std::string::npos);
  CHECK(theatre.ask("a", "1") == "1.0.0 6");
  CHECK(theatre.version("1.0.0").state == State::active);
}

TEST_CASE("a version that fails on probation goes, and the one before it is back with the state",
          "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.settle_heirs({5, 7});
  theatre.replace(bad("heir_2_fails"), "heir.so");
  theatre.finish_upgrade();
  CHECK(theatre.version("2.0.0").state == State::probation);
  // It dies of its first message, and is made anew without its state; b, untouched, keeps it.
  for (int i = 0; i < 5; ++i) {
    (void)theatre.stage.send("a", "1");
    theatre.run(1s);
  }
  theatre.run(1s);
  CHECK(theatre.ask("b", "0") == "1.0.0 7");
  CHECK(theatre.version("1.0.0").state == State::active);
  const auto failed = theatre.version("2.0.0");
  CHECK(failed.code == "ROLLED_BACK");
  CHECK(failed.reason.find("its actors failed") != std::string::npos);
  CHECK(theatre.events.has("rolled back test.heir 2.0.0 1.0.0"));
  CHECK(theatre.stage.ledger().is_balanced());
}

TEST_CASE("what was refused is not tried again until it changes or somebody asks",
          "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.settle_heirs({5});
  theatre.replace(bad("heir_2_load_fails"), "heir.so");
  theatre.finish_upgrade();
  const auto before = theatre.version("2.0.0").generation;
  (void)theatre.host->file_came(theatre.directory.path() / "heir.so", theatre.stage.clock.now());
  theatre.finish_upgrade();
  CHECK(theatre.info("heir.so").generation <= before);
  REQUIRE(theatre.host->retry("test.heir", theatre.stage.clock.now()));
  theatre.finish_upgrade();
  CHECK(theatre.version("2.0.0").code == "UPGRADE_FAILED");
  CHECK(theatre.version("2.0.0").generation > before);
  CHECK(theatre.ask("a", "0") == "1.0.0 5");
  CHECK(theatre.host->retry("nobody", {}).error() == "there is no plugin or file nobody");
}

TEST_CASE("the newest of several files that come during an upgrade wins", "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.settle_heirs({5});
  theatre.replace(bad("heir_2"), "heir.so");
  theatre.replace(bad("heir_2_fails"), "heir.so");
  theatre.replace(bad("heir_3"), "heir.so");
  theatre.finish_upgrade();
  theatre.finish_upgrade();
  CHECK(theatre.ask("a", "0") == "3.0.0 5");
  CHECK_FALSE(theatre.events.has("upgraded test.heir 2.0.0 2.0.0"));
  CHECK(theatre.stage.ledger().is_balanced());
}

TEST_CASE("somebody may ask for the version before, while it is kept", "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.settle_heirs({5});
  CHECK(theatre.host->roll_back("test.heir", {}).error().find("is not kept") != std::string::npos);
  theatre.replace(bad("heir_2"), "heir.so");
  theatre.finish_upgrade();
  CHECK(theatre.ask("a", "2") == "2.0.0 7");
  REQUIRE(theatre.host->roll_back("test.heir", theatre.stage.clock.now()));
  theatre.finish_upgrade();
  CHECK(theatre.ask("a", "1") == "1.0.0 8");
  CHECK(theatre.version("2.0.0").code == "ROLLED_BACK");
  CHECK(theatre.host->roll_back("nobody", {}).error() == "there is no plugin nobody");
}

TEST_CASE("a type that is renamed while actors of it live is refused", "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.settle_heirs({5});
  theatre.replace(bad("heir_2_renamed"), "heir.so");
  theatre.finish_upgrade();
  CHECK(theatre.refusal("heir.so").find("the new one has no actor type 'heir'") !=
        std::string::npos);
  CHECK(theatre.ask("a", "0") == "1.0.0 5");
}

TEST_CASE("a thousand actors move in turns of their own, none loses a message", "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.settle_heirs({});
  for (int i = 0; i < 1000; ++i) theatre.stage.spawn("heir", fmt::format("h{}", i));
  theatre.stage.settle();
  theatre.replace(bad("heir_2"), "heir.so");
  for (int i = 0; i < 1000; ++i) REQUIRE(theatre.stage.send(fmt::format("h{}", i), "1"));
  theatre.finish_upgrade();
  int total = 0;
  for (int i = 0; i < 1000; ++i) {
    total += theatre.ask(fmt::format("h{}", i), "0") == "2.0.0 1" ? 1 : 0;
  }
  CHECK(total == 1000);
  CHECK(theatre.stage.ledger().is_balanced());
}

TEST_CASE(
    "an actor that does not come to its turn before the deadline stays, and is not changed later",
    "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.settle_heirs({5});
  theatre.replace(bad("heir_2"), "heir.so");
  (void)theatre.host->look(theatre.stage.clock.now());
  theatre.stage.clock.set(theatre.stage.clock.now() + 11s);
  (void)theatre.host->look(theatre.stage.clock.now());
  (void)theatre.host->look(theatre.stage.clock.now());
  theatre.finish_upgrade();
  CHECK(theatre.ask("a", "0") == "1.0.0 5");
  CHECK(theatre.version("2.0.0").reason.find("did not come to a turn of its own within 10 s") !=
        std::string::npos);
}

TEST_CASE("drain_first lets the old version handle what is in the mailbox", "[plugin_host]") {
  auto options = quick();
  options.drain_first = GENERATE(true, false);
  Theatre theatre{options};
  theatre.settle_heirs({5});
  REQUIRE(theatre.stage.send("a", "1"));
  theatre.replace(bad("heir_2_fails"), "heir.so");
  theatre.finish_upgrade();
  CHECK(theatre.version("2.0.0").failures == (options.drain_first ? 0 : 1));
  CHECK(theatre.stage.ledger().is_balanced());
}

TEST_CASE("an upgrade that would run on the library of the version before it is refused",
          "[plugin_host]") {
  Theatre theatre{quick()};
  theatre.settle_heirs({5});
  theatre.replace(bad("heir_2_with_library"), "heir.so");
  theatre.finish_upgrade();
  const auto text = theatre.refusal("heir.so");
  CHECK(text.find("[PRIVATE_LIBRARY]") != std::string::npos);
  CHECK(text.find("libbackstage_heirloom.so") != std::string::npos);
  CHECK(theatre.ask("a", "0") == "1.0.0 5");
}

}  // namespace backstage::plugin_host::test
