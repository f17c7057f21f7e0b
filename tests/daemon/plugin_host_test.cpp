// What becomes of the files of a plugin directory, from the first look to the end.
#include <sys/stat.h>

#include "tests/daemon/plugin_host_theatre.hpp"
#include "tests/support/catch.hpp"

namespace backstage::plugin_host::test {
namespace {

std::vector<std::string> names_of(const std::vector<PluginInfo>& plugins) {
  std::vector<std::string> names;
  names.reserve(plugins.size());
  for (const auto& plugin : plugins) names.push_back(fs::path{plugin.file}.filename());
  return names;
}

}  // namespace

TEST_CASE("every plugin that ships is loaded and registers its types", "[plugin_host]") {
  Theatre theatre;
  for (const auto* name : {"airport", "counter", "counter_c", "crashy", "echo", "ticker"}) {
    theatre.drop(shipped(name));
  }
  const auto loaded = theatre.load();
  CHECK(loaded.active == 6);
  CHECK(loaded.rejected == 0);
  CHECK(theatre.stage.engine.types().size() == 6);

  const auto counter = theatre.info("counter.so");
  CHECK(counter.id == "org.backstage.counter");
  CHECK(counter.version == "1.0.0");
  CHECK(counter.types == std::vector<std::string>{"counter"});
  CHECK(counter.state == State::active);
  CHECK(counter.sha256.size() == 64);
  CHECK(counter.load_micros > 0);
  CHECK(counter.code.empty());
  CHECK(theatre.events.has("loaded org.backstage.counter"));
}

TEST_CASE("only *.so files that do not begin with a dot are plugins", "[plugin_host]") {
  Theatre theatre;
  theatre.drop(shipped("echo"));
  for (const auto* name : {".echo.so", "echo.so.tmp", "echo.so~", "echo.so.part", "README"}) {
    theatre.drop(shipped("counter"), name);
  }
  CHECK(theatre.load().active == 1);
  CHECK(names_of(theatre.host->list()) == std::vector<std::string>{"echo.so"});
}

TEST_CASE("an empty directory is no error", "[plugin_host]") {
  Theatre theatre;
  const auto loaded = theatre.load();
  CHECK(loaded.active == 0);
  CHECK(loaded.rejected == 0);
}

TEST_CASE("a missing directory and a writable one are refused as a whole", "[plugin_host]") {
  Theatre theatre;
  theatre.drop(shipped("echo"));
  const auto missing = theatre.host->load_directory(theatre.directory.path() / "nowhere");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().text().find("nowhere") != std::string::npos);
  CHECK_FALSE(missing.error().fix.empty());

  REQUIRE(::chmod(theatre.directory.path().c_str(), 0777) == 0);
  const auto writable = theatre.host->load_directory(theatre.directory.path());
  REQUIRE_FALSE(writable);
  CHECK(writable.error().code == "WRITABLE_DIRECTORY");
  CHECK(theatre.host->list().empty());
  CHECK(theatre.stage.engine.types().empty());
}

TEST_CASE("overwriting or deleting a loaded file changes nothing that runs", "[plugin_host]") {
  Theatre theatre;
  theatre.play({shipped("counter")});
  theatre.stage.spawn("counter", "counter");
  CHECK(theatre.ask("counter", "5") == "5");
  const auto file = theatre.directory.path() / "counter.so";
  // In place, as cp does it: a mapped file would die of SIGBUS at its next page.
  fs::resize_file(file, 0);
  CHECK(theatre.ask("counter", "2") == "7");
  fs::remove(file);
  CHECK(theatre.ask("counter", "1") == "8");
}

TEST_CASE("of one plugin in two versions the higher one runs", "[plugin_host]") {
  Theatre theatre;
  theatre.drop(bad("sound"), "a.so");
  theatre.drop(bad("newer"), "b.so");
  theatre.load();
  CHECK(theatre.info("b.so").state == State::active);
  const auto text = theatre.refusal("a.so");
  CHECK(text.find("[OLDER_VERSION]") != std::string::npos);
  CHECK(text.find("a.so") != std::string::npos);
  CHECK(text.find("b.so") != std::string::npos);
  theatre.stage.spawn("defect", "actor");
  CHECK(theatre.ask("actor", "") == "1.10.0");
}

TEST_CASE("where the higher version is refused the lower one runs", "[plugin_host]") {
  Theatre theatre;
  theatre.drop(bad("sound"));
  theatre.drop(bad("newer_broken"));
  theatre.load();
  CHECK(theatre.info("newer_broken.so").code == "INIT_FAILED");
  CHECK(theatre.info("sound.so").state == State::active);
}

TEST_CASE("a second file of the same plugin and version is refused, naming both", "[plugin_host]") {
  Theatre theatre;
  theatre.drop(bad("sound"), "a.so");
  theatre.drop(bad("same_version"), "b.so");
  theatre.drop(bad("sound"), "c.so");
  theatre.load();
  CHECK(theatre.info("a.so").state == State::active);
  for (const auto* file : {"b.so", "c.so"}) {
    const auto text = theatre.refusal(file);
    CHECK(text.find("[DUPLICATE_ID]") != std::string::npos);
    CHECK(text.find(file) != std::string::npos);
    CHECK(text.find("a.so") != std::string::npos);
  }
  CHECK(theatre.refusal("c.so").find("the same content") != std::string::npos);
}

TEST_CASE("a type that another plugin has is refused, naming both files", "[plugin_host]") {
  Theatre theatre;
  theatre.drop(bad("sound"), "a.so");
  theatre.drop(bad("same_type"), "b.so");
  theatre.load();
  const auto text = theatre.refusal("b.so");
  CHECK(text.find("[DUPLICATE_TYPE]") != std::string::npos);
  CHECK(text.find("a.so") != std::string::npos);
  CHECK(text.find("'defect'") != std::string::npos);
}

TEST_CASE("a type that the engine has already is refused and undone", "[plugin_host]") {
  Theatre theatre;
  const auto native = theatre.stage.type("defect");
  theatre.drop(bad("sound"));
  theatre.load();
  CHECK(theatre.refusal("sound.so").find("[TYPE_REFUSED]") != std::string::npos);
  CHECK(theatre.events.has("info test.defect : fini test.defect"));
  theatre.stage.spawn("defect", "actor");
  CHECK(native->created == 1);
}

TEST_CASE("config reaches the plugin's init and its types' settings", "[plugin_host]") {
  Options options;
  options.loader.config_of = [](std::string_view id) {
    return id == "org.backstage.probe" ? R"({"fail": "told by config"})" : "";
  };
  options.settings_of = [](std::string_view type) {
    TypeSettings settings;
    if (type == "echo") settings.mailbox.data_messages_max = 2;
    return settings;
  };
  Theatre theatre{std::move(options)};
  theatre.drop(probe_plugin());
  theatre.drop(shipped("echo"));
  theatre.load();
  const auto text = theatre.refusal("probe.so");
  CHECK(text.find("told by config") != std::string::npos);
  CHECK(text.find("/plugins/config/org.backstage.probe") != std::string::npos);

  theatre.stage.spawn("echo", "echo");
  CHECK(theatre.stage.send("echo", "1"));
  CHECK(theatre.stage.send("echo", "2"));
  CHECK(theatre.stage.send("echo", "3").error() == Errc::mailbox_full);
}

TEST_CASE("shutdown ends plugins in the reverse order of their loading", "[plugin_host]") {
  Theatre theatre;
  theatre.play({bad("second"), bad("sound")});
  theatre.stage.spawn("defect", "actor");
  CHECK(theatre.info("sound.so").actors == 1);
  theatre.stop_actors();
  theatre.host->shutdown(std::chrono::milliseconds{100});
  const auto& lines = theatre.events.lines;
  REQUIRE(lines.size() >= 2);
  CHECK(lines[lines.size() - 2] == "info test.defect : fini test.defect");
  CHECK(lines.back() == "info test.second : fini test.second");
  const auto sound = theatre.info("sound.so");
  CHECK(sound.state == State::retired);
  CHECK(sound.actors == 0);
  CHECK(sound.actors_made == 1);
  CHECK(theatre.stage.engine.types().empty());
}

TEST_CASE("a plugin that does not come to rest is pinned, and the others end", "[plugin_host]") {
  Theatre theatre;
  theatre.play({bad("never_quiet"), bad("sound")});
  theatre.host->shutdown(std::chrono::milliseconds{5});
  const auto pinned = theatre.info("never_quiet.so");
  CHECK(pinned.state == State::pinned);
  CHECK(pinned.code == "PINNED");
  CHECK(pinned.reason.find("come to rest") != std::string::npos);
  CHECK(theatre.events.has("pinned test.never_quiet"));
  CHECK_FALSE(theatre.events.has("info test.never_quiet : fini test.never_quiet"));
  CHECK(theatre.info("sound.so").state == State::retired);
}

TEST_CASE("a plugin whose actors still live is pinned, and they go on", "[plugin_host]") {
  Theatre theatre;
  theatre.play({bad("sound")});
  theatre.stage.spawn("defect", "actor");
  theatre.host->shutdown(std::chrono::milliseconds{5});
  CHECK(theatre.info("sound.so").reason == "1 of its actors still live");
  CHECK(theatre.ask("actor", "") == "1.0.0");
  CHECK(theatre.stage.engine.spawn({.type = "defect", .name = "late"}).error() == Errc::no_type);
}

}  // namespace backstage::plugin_host::test
