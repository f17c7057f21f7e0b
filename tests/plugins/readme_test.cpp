// The author's guide, taken at its word: its plugins are built by its commands, loaded and asked.
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/plugins/fake_host.hpp"
#include "tests/support/catch.hpp"

namespace {

namespace fs = std::filesystem;

std::string page() {
  std::stringstream text;
  text << std::ifstream(fs::path{PLUGINS_SOURCE_DIR} / "README.md").rdbuf();
  return text.str();
}

/// The first block of that language that has those words in it.
std::string block(const std::string& text, const std::string& language, const std::string& words) {
  const std::string fence = "\n```" + language + "\n";
  for (auto at = text.find(fence); at != std::string::npos; at = text.find(fence, at + 1)) {
    const auto begin = at + fence.size();
    const auto found = text.substr(begin, text.find("\n```", begin) + 1 - begin);
    if (found.find(words) != std::string::npos) return found;
  }
  FAIL("the guide has no block in " << language << " with " << words);
  return {};
}

/// A directory that goes away with the test.
struct TemporaryDirectory {
  TemporaryDirectory() {
    std::string pattern = (fs::temp_directory_path() / "backstage-readme-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() { fs::remove_all(path); }
  fs::path path;
};

struct Greeter {
  std::string language;
  std::string source;
  std::string file;
  bool has_config;
};

std::vector<Greeter> greeters() {
  std::vector<Greeter> all{{"cpp", "greeter.cpp", "greeter.so", true},
                           {"c", "greeter.c", "greeter_c.so", false}};
  if (BACKSTAGE_HAS_RUST != 0) all.push_back({"rust", "greeter.rs", "greeter_rust.so", true});
  return all;
}

}  // namespace

TEST_CASE("the guide's plugin of each language is built by the guide's command and greets",
          "[readme]") {
  const Greeter greeter = GENERATE(from_range(greeters()));
  INFO(greeter.language);
  const TemporaryDirectory directory;
  fs::create_directory_symlink(PLUGINS_SOURCE_DIR, directory.path / "plugins");
  std::ofstream(directory.path / greeter.source) << block(page(), greeter.language, "greeter");
  std::ofstream(directory.path / "build.sh") << block(page(), "sh", "-o " + greeter.file);
  const std::string command = "cd '" + directory.path.string() + "' && sh -e ./build.sh";
  // NOLINTNEXTLINE(cert-env33-c): the command under test is a shell command
  REQUIRE(std::system(command.c_str()) == 0);

  FakeHost host;
  const bs_plugin* plugin = host.load((directory.path / greeter.file).string());
  REQUIRE(plugin != nullptr);
  CHECK(std::string{plugin->id} == "com.example.greeter");
  HostedActor plain(host, plugin);
  CHECK(plain.ask("world") == "hello world");
  if (!greeter.has_config) return;
  HostedActor polite(host, plugin, R"({"greeting": "good day,"})");
  CHECK(polite.ask("world") == "good day, world");
}

TEST_CASE("the guide's desk takes JSON by message type and refuses what is none", "[readme]") {
  std::string command = block(page(), "sh", "-o greeter.so");
  for (std::size_t at = 0; (at = command.find("greeter", at)) != std::string::npos;) {
    command.replace(at, 7, "desk");
  }
  const TemporaryDirectory directory;
  fs::create_directory_symlink(PLUGINS_SOURCE_DIR, directory.path / "plugins");
  std::ofstream(directory.path / "desk.cpp") << block(page(), "cpp dispatch", "desk");
  std::ofstream(directory.path / "build.sh") << command;
  command = "cd '" + directory.path.string() + "' && sh -e ./build.sh";
  // NOLINTNEXTLINE(cert-env33-c): the command under test is a shell command
  REQUIRE(std::system(command.c_str()) == 0);

  FakeHost host;
  const bs_plugin* plugin = host.load((directory.path / "desk.so").string());
  REQUIRE(plugin != nullptr);
  HostedActor desk(host, plugin, R"({"limits": {"orders": 1}})");
  CHECK(desk.send(R"({"symbol": "BTC", "limit": 1.5})", "order") == BS_OK);
  CHECK(desk.ask("", "count") == "1");
  CHECK(desk.ask(R"({"symbol": "ETH", "limit": 2})", "order") ==
        "the desk is full; raise its limit");
  CHECK(desk.send("2", "raise") == BS_OK);
  CHECK(desk.ask(R"({"symbol": 1})", "order").starts_with("the message order cannot be read"));
  CHECK(host.metrics.front().value == 1);
  const HostedActor misspelt(host, plugin, R"({"limit": {}})");
  CHECK(misspelt.created == BS_E_ARG);
}
