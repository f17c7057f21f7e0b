// The author's guide, taken at its word: its plugin is built by its command, then loaded and asked.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/plugins/fake_host.hpp"
#include "tests/support/catch.hpp"

namespace {

namespace fs = std::filesystem;

/// The first block of that language.
std::string block(const std::string& page, const std::string& language) {
  const std::string fence = "```" + language + "\n";
  const auto start = page.find(fence);
  REQUIRE(start != std::string::npos);
  const auto begin = start + fence.size();
  return page.substr(begin, page.find("```", begin) - begin);
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

}  // namespace

TEST_CASE("the guide's plugin is built by the guide's command and greets", "[readme]") {
  const fs::path plugins = PLUGINS_SOURCE_DIR;
  std::stringstream page;
  page << std::ifstream(plugins / "README.md").rdbuf();

  const TemporaryDirectory directory;
  fs::create_directory_symlink(plugins, directory.path / "plugins");
  std::ofstream(directory.path / "greeter.cpp") << block(page.str(), "cpp");
  std::ofstream(directory.path / "build.sh") << block(page.str(), "sh");
  const std::string command = "cd '" + directory.path.string() + "' && sh -e ./build.sh";
  // NOLINTNEXTLINE(cert-env33-c): the command under test is a shell command
  REQUIRE(std::system(command.c_str()) == 0);

  FakeHost host;
  const bs_plugin* plugin = host.load((directory.path / "greeter.so").string());
  REQUIRE(plugin != nullptr);
  HostedActor greeter(host, plugin, R"({"greeting": "good day,"})");
  CHECK(greeter.ask("world") == "good day, world");
  HostedActor plain(host, plugin);
  CHECK(plain.ask("world") == "hello world");
}
