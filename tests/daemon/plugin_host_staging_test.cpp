// Private copies: where they go, that they can carry code, and that they do not pile up.
#include <fcntl.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/daemon/plugin_host_theatre.hpp"
#include "tests/support/catch.hpp"

namespace backstage::plugin_host::test {
namespace {

std::vector<fs::path> under(const fs::path& directory) {
  std::vector<fs::path> all;
  if (!fs::exists(directory)) return all;
  for (const auto& entry : fs::directory_iterator{directory}) all.push_back(entry.path());
  return all;
}

bool refuses_all(int) noexcept { return false; }

// The first directory looked at cannot carry code. Reset by each test that uses it.
int looks = 0;
bool refuses_first(int) noexcept { return ++looks > 1; }

}  // namespace

TEST_CASE("the staged copy is private and named by id, version and hash", "[plugin_host]") {
  Theatre theatre;
  theatre.play({shipped("echo")});
  const auto directories = under(theatre.runtime.path() / "staging");
  REQUIRE(directories.size() == 1);
  CHECK(directories[0] == theatre.host->staging_directory());
  struct stat status{};
  REQUIRE(::stat(directories[0].c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0700);
  const auto files = under(directories[0]);
  REQUIRE(files.size() == 1);
  CHECK(files[0].filename() ==
        "org.backstage.echo-1.0.0-" + theatre.info("echo.so").sha256.substr(0, 8) + ".so");
  CHECK(theatre.host->staging_notes().empty());
}

TEST_CASE("a refused plugin leaves no copy behind", "[plugin_host]") {
  Theatre theatre;
  theatre.drop(bad("sound"), "a.so");
  theatre.drop(bad("newer"), "b.so");
  theatre.load();
  CHECK(under(theatre.host->staging_directory()).size() == 1);
}

TEST_CASE("copies and their directory are gone when all is over", "[plugin_host]") {
  TempDir runtime;
  {
    Options options;
    options.loader.staging_parents = {runtime.path()};
    Theatre theatre{std::move(options)};
    theatre.play({shipped("echo")});
    theatre.stage.spawn("echo", "echo");
    CHECK(under(runtime.path() / "staging").size() == 1);
  }
  CHECK(under(runtime.path() / "staging").empty());
}

TEST_CASE("what a dead daemon left is cleared away, what a living one uses is not",
          "[plugin_host]") {
  TempDir runtime;
  const auto dead = runtime.path() / "staging" / "dead01";
  fs::create_directories(dead);
  fs::permissions(runtime.path() / "staging", fs::perms::owner_all);
  std::ofstream{dead / "old-1.0.0-00000000.so"} << "old";
  const auto living = StagingDir::make(runtime.path());
  REQUIRE(living);
  CHECK_FALSE(fs::exists(dead));
  const auto another = StagingDir::make(runtime.path());
  REQUIRE(another);
  CHECK(fs::exists(living->path()));
  CHECK(living->path() != another->path());
}

TEST_CASE("a directory that cannot carry code is passed over for the next", "[plugin_host]") {
  TempDir first;
  TempDir second;
  looks = 0;
  Options options;
  options.loader.staging_parents = {first.path(), second.path()};
  options.loader.staging_probe = &refuses_first;
  Theatre theatre{std::move(options)};
  theatre.play({shipped("echo")});
  CHECK(theatre.host->staging_directory().starts_with(second.path().string()));
  const auto notes = theatre.host->staging_notes();
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find(first.path().string()) != std::string::npos);
  CHECK(notes[0].find("noexec") != std::string::npos);
  CHECK(under(first.path() / "staging").empty());
}

TEST_CASE("where no directory works, plugins are loaded from memory", "[plugin_host]") {
  TempDir parent;
  std::ofstream{parent.path() / "file"} << "in the way";
  Options options;
  options.loader.staging_parents = {parent.path() / "file", parent.path()};
  options.loader.staging_probe = &refuses_all;
  Theatre theatre{std::move(options)};
  theatre.play({shipped("echo"), shipped("counter")});
  CHECK(theatre.host->staging_directory().empty());
  CHECK(theatre.host->staging_notes().size() == 2);
  theatre.stage.spawn("counter", "counter");
  CHECK(theatre.ask("counter", "3") == "3");
  theatre.stage.spawn("echo", "echo");
  CHECK(theatre.ask("echo", "x") == "x");
}

TEST_CASE("a staging directory that others may write to is not used", "[plugin_host]") {
  TempDir runtime;
  fs::create_directory(runtime.path() / "staging");
  fs::permissions(runtime.path() / "staging", fs::perms::all);
  const auto made = StagingDir::make(runtime.path());
  REQUIRE_FALSE(made);
  CHECK(made.error().find("staging") != std::string::npos);
}

TEST_CASE("equal names in staging get numbers, as no path may ever come back", "[plugin_host]") {
  TempDir runtime;
  auto staging = Staging::open({runtime.path()});
  REQUIRE(staging);
  const std::byte bytes[]{std::byte{1}};
  const auto one = staging->stage("x.so", "x-1-0", bytes);
  const auto two = staging->stage("x.so", "x-1-0", bytes);
  REQUIRE(one);
  REQUIRE(two);
  CHECK(one->path().ends_with("/x-1-0.so"));
  CHECK(two->path().ends_with("/x-1-0-2.so"));
}

TEST_CASE("a real directory can carry code and /proc cannot", "[plugin_host]") {
  TempDir directory;
  const Fd good{::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  CHECK(Staging::maps_executable(good.get()));
  CHECK(under(directory.path()).empty());
  const Fd bad{::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  CHECK_FALSE(Staging::maps_executable(bad.get()));
}

}  // namespace backstage::plugin_host::test
