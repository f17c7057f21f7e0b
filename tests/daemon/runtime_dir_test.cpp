// Directories, endpoints.json, and the default plugin directory.
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "daemon/config/runtime_dir.hpp"
#include "tests/daemon/temp_dir.hpp"
#include "tests/support/catch.hpp"

namespace backstage::config {
namespace {

using daemon::TempDir;

const Environment ours{
    .runtime_directory = {}, .state_directory = {}, .xdg_runtime_dir = {}, .uid = ::geteuid()};

std::string code_of(const std::string& path, const Environment& environment = ours) {
  const auto prepared = prepare_directory(path, environment);
  if (prepared) return "fine";
  CHECK(prepared.error().source == path);
  CHECK_FALSE(prepared.error().help.empty());
  return prepared.error().code;
}

unsigned mode_of(const std::string& path) {
  struct stat about{};
  REQUIRE(::lstat(path.c_str(), &about) == 0);
  return about.st_mode & 07777U;
}

}  // namespace

TEST_CASE("the runtime directory is the configured, systemd's, the session's, or one in /tmp",
          "[daemon]") {
  Environment environment{.runtime_directory = "/run/b:/run/c",
                          .state_directory = "/var/lib/b",
                          .xdg_runtime_dir = "/run/user/7",
                          .uid = 7};
  CHECK(choose_runtime_dir("/mine", environment) == "/mine");
  CHECK(choose_runtime_dir("", environment) == "/run/b");
  CHECK(choose_state_dir("/mine", environment, "/run/b") == "/mine");
  CHECK(choose_state_dir("", environment, "/run/b") == "/var/lib/b");
  environment.runtime_directory = "relative";
  environment.state_directory = {};
  CHECK(choose_runtime_dir("", environment) == "/run/user/7/backstaged");
  CHECK(choose_state_dir("", environment, "/run/b") == "/run/b");
  environment.xdg_runtime_dir = "relative";
  CHECK(choose_runtime_dir("", environment) == "/tmp/backstaged-7");
}

TEST_CASE("a missing runtime directory is made for its owner alone, a safe one is taken",
          "[daemon]") {
  const TempDir dir;
  CHECK(code_of(dir.path("made")) == "fine");
  CHECK(mode_of(dir.path("made")) == 0700);
  CHECK(code_of(dir.path("made")) == "fine");
  REQUIRE(::chmod(dir.path("made").c_str(), 0755) == 0);
  CHECK(code_of(dir.path("made")) == "fine");
  CHECK(mode_of(dir.path("made")) == 0755);
}

TEST_CASE("a runtime directory that is not safe is refused", "[daemon]") {
  const TempDir dir;
  CHECK(code_of(dir.path("a/b/c")) == "RUN-101");
  dir.write("file", "");
  CHECK(code_of(dir.path("file")) == "RUN-102");
  REQUIRE(::mkdir(dir.path("real").c_str(), 0700) == 0);
  REQUIRE(::symlink("real", dir.path("link").c_str()) == 0);
  CHECK(code_of(dir.path("link")) == "RUN-102");
  REQUIRE(::symlink("nowhere", dir.path("dangling").c_str()) == 0);
  CHECK(code_of(dir.path("dangling")) == "RUN-102");
  Environment other = ours;
  other.uid += 1;
  CHECK(code_of(dir.path("real"), other) == "RUN-103");
  for (const mode_t mode : {0770U, 0707U, 01777U}) {
    REQUIRE(::chmod(dir.path("real").c_str(), mode) == 0);
    CHECK(code_of(dir.path("real")) == "RUN-104");
  }
}

TEST_CASE("endpoints.json is replaced whole and removed at the end", "[daemon]") {
  const TempDir dir;
  const auto name = std::string{"endpoints.json"};
  REQUIRE(write_endpoints(dir.path(), {.pid = 5, .version = "1.0", .cmd = {"old"}}));
  const BoundEndpoints bound{.pid = 42,
                             .version = "0.1.0",
                             .cmd = {"tcp://127.0.0.1:7770", "ipc:///run/b/cmd.sock"},
                             .pub = {},
                             .ingest = {"tcp://127.0.0.1:7772"}};
  REQUIRE(write_endpoints(dir.path(), bound));
  CHECK(dir.read(name) ==
        "{\"pid\":42,\"version\":\"0.1.0\",\"cmd\":[\"tcp://127.0.0.1:7770\","
        "\"ipc:///run/b/cmd.sock\"],\"pub\":[],\"ingest\":[\"tcp://127.0.0.1:7772\"]}\n");
  const auto entries = std::distance(std::filesystem::directory_iterator{dir.path()}, {});
  CHECK(entries == 1);
  remove_endpoints(dir.path());
  CHECK_FALSE(std::filesystem::exists(dir.path(name)));
  remove_endpoints(dir.path());

  const auto refused = write_endpoints(dir.path("missing"), bound);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == "RUN-105");
  REQUIRE(::mkdir(dir.path(name).c_str(), 0700) == 0);
  CHECK_FALSE(write_endpoints(dir.path(), bound));
  CHECK(std::distance(std::filesystem::directory_iterator{dir.path()}, {}) == 1);
}

TEST_CASE("plugins are beside the build tree's bin, else in the installation's lib", "[daemon]") {
  const TempDir dir;
  std::filesystem::create_directories(dir.path("bin"));
  CHECK(default_plugin_dir(dir.path("bin/backstaged")) == dir.path("lib/backstaged/plugins"));
  std::filesystem::create_directories(dir.path("plugins"));
  CHECK(default_plugin_dir(dir.path("bin/backstaged")) == dir.path("plugins"));
  CHECK(default_plugin_dir("/usr/bin/backstaged") == "/usr/lib/backstaged/plugins");
  CHECK(std::filesystem::exists(executable_path()));
}

}  // namespace backstage::config
