// The watched directory on a real file system: hints, listings, and what becomes of the directory.
#include "daemon/plugin_host/drop_folder.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>

#include "tests/daemon/temp_dir.hpp"
#include "tests/support/catch.hpp"

using namespace backstage;
using namespace backstage::plugin_host;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr Settling::Limits limits{.settle = 300ms, .rescan = 2s};

// A folder that is watched, with a clock that the test moves.
class Watched {
 public:
  explicit Watched(bool hints = true) {
    fs::create_directory(path());
    folder_.emplace(path().string(), limits, hints);
    REQUIRE(folder_->adopt(now));
  }
  [[nodiscard]] fs::path path(const std::string& name = "") const {
    return name.empty() ? fs::path{root_.path("plugins")} : fs::path{root_.path("plugins")} / name;
  }
  [[nodiscard]] fs::path outside(const std::string& name) const { return root_.path(name); }
  void write(const std::string& name, const std::string& text = "x") const {
    std::ofstream{path(name)} << text;
  }
  // Whether there was a hint worth a look; waits for one that must come.
  bool hinted(bool must_come) {
    pollfd source{.fd = folder_->fd(), .events = POLLIN, .revents = 0};
    if (must_come) REQUIRE(::poll(&source, 1, 20'000) == 1);
    return folder_->take_hints();
  }
  FolderChanges look() {
    auto changes = folder_->look(now);
    REQUIRE(changes);
    return *changes;
  }
  // The change that this look and the one at the end of its settling tell.
  FolderChanges settle() {
    CHECK(look().empty());
    now += limits.settle;
    return look();
  }
  DropFolder& folder() { return *folder_; }

  TimePoint now{1s};

 private:
  daemon::TempDir root_;
  std::optional<DropFolder> folder_;
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("what is done to a plugin gives a hint, and a look tells what it was", "[folder]") {
  Watched watched;
  CHECK_FALSE(watched.hinted(false));

  const struct {
    const char* what;
    std::function<void()> act;
    Names settled, vanished;
  } rows[] = {
      {"cp", [&] { watched.write("x.so"); }, {"x.so"}, {}},
      {"cp over it", [&] { watched.write("x.so", "another"); }, {"x.so"}, {}},
      {"touch",
       [&] { ::utimensat(AT_FDCWD, watched.path("x.so").c_str(), nullptr, 0); },
       {"x.so"},
       {}},
      {"chmod", [&] { ::chmod(watched.path("x.so").c_str(), 0600); }, {"x.so"}, {}},
      {"mv",
       [&] {
         std::ofstream{watched.outside("new.so")} << "moved";
         fs::rename(watched.outside("new.so"), watched.path("x.so"));
       },
       {"x.so"},
       {}},
      {"ln -s", [&] { fs::create_symlink("x.so", watched.path("link.so")); }, {"link.so"}, {}},
      {"rename",
       [&] { fs::rename(watched.path("x.so"), watched.path("y.so")); },
       {"link.so", "y.so"},
       {"x.so"}},
      {"rm", [&] { fs::remove(watched.path("y.so")); }, {}, {"y.so"}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    row.act();
    CHECK(watched.hinted(true));
    const auto changes = watched.settle();
    CHECK(changes.settled == row.settled);
    CHECK(changes.vanished == row.vanished);
    watched.hinted(false);
  }
}

TEST_CASE("a directory of versions swapped by a link is a change of its plugins", "[folder]") {
  Watched watched;
  for (const auto* version : {"..1", "..2"}) {
    fs::create_directory(watched.path(version));
    std::ofstream{watched.path(version) / "x.so"} << version;
  }
  fs::create_directory_symlink("..1", watched.path("..data"));
  fs::create_symlink("..data/x.so", watched.path("x.so"));
  CHECK(watched.settle().settled == Names{"x.so"});
  watched.hinted(false);

  fs::create_directory_symlink("..2", watched.path("..data_tmp"));
  fs::rename(watched.path("..data_tmp"), watched.path("..data"));
  CHECK(watched.hinted(true));
  CHECK(watched.settle().settled == Names{"x.so"});
}

TEST_CASE("a link whose target goes is a change, not a removal", "[folder]") {
  Watched watched;
  std::ofstream{watched.outside("target")} << "x";
  fs::create_symlink(watched.outside("target"), watched.path("x.so"));
  CHECK(watched.settle().settled == Names{"x.so"});
  fs::remove(watched.outside("target"));
  const auto changes = watched.settle();
  CHECK(changes.settled == Names{"x.so"});
  CHECK(changes.vanished.empty());
}

TEST_CASE("ten thousand other files give no hint and take no time to speak of", "[folder]") {
  Watched watched;
  watched.write("junk");
  for (int i = 0; i < 10'000; ++i) {
    fs::create_hard_link(watched.path("junk"), watched.path("junk" + std::to_string(i)));
  }
  // So many that the system's room for hints ran out is a hint again; anything less is none.
  watched.hinted(false);
  watched.write("x.so");
  CHECK(watched.hinted(true));
  const auto listed = list_plugins(watched.path());
  REQUIRE(listed);
  CHECK(listed->files.size() == 1);
  CHECK(listed->left_out == 0);
  CHECK(watched.settle().settled == Names{"x.so"});
}

TEST_CASE("temporary names give no hint", "[folder]") {
  Watched watched;
  watched.write(".x.so.Ab12");
  watched.write("x.so.part");
  watched.write("readme");
  CHECK_FALSE(watched.hinted(true));
  CHECK(watched.settle().empty());
}

TEST_CASE("over the limit the first plugins by name count, and the rest are counted", "[folder]") {
  Watched watched;
  for (std::size_t i = 0; i < plugin_files_max + 10; ++i) {
    watched.write("p" + std::to_string(10'000 + i) + ".so");
  }
  const auto changes = watched.settle();
  CHECK(changes.settled.size() == plugin_files_max);
  CHECK(changes.settled.front() == "p10000.so");
  CHECK(watched.folder().left_out() == 10);
}

TEST_CASE("a directory that is gone says nothing about its plugins", "[folder]") {
  Watched watched;
  watched.write("x.so");
  watched.write("y.so");
  CHECK(watched.settle().settled == Names{"x.so", "y.so"});
  const int fd = watched.folder().fd();
  fs::rename(watched.path(), watched.outside("aside"));
  CHECK(watched.hinted(true));
  for (int i = 0; i < 3; ++i) {
    const auto nothing = watched.folder().look(watched.now);
    REQUIRE_FALSE(nothing);
    CHECK(nothing.error().find(watched.path().string()) != std::string::npos);
    CHECK(watched.folder().next_look(watched.now) == watched.now + limits.rescan);
    watched.now += limits.rescan;
  }

  // Another directory in its place is looked at, and watched.
  fs::create_directory(watched.path());
  watched.write("x.so", "new");
  const auto changes = watched.settle();
  CHECK(changes.settled == Names{"x.so"});
  CHECK(changes.vanished == Names{"y.so"});
  watched.hinted(false);
  CHECK(watched.folder().fd() == fd);
  watched.write("z.so");
  CHECK(watched.hinted(true));

  // What happens in the old one is nobody's business any more.
  watched.look();
  std::ofstream{watched.outside("aside") / "x.so"} << "late";
  CHECK_FALSE(watched.hinted(false));

  fs::remove_all(watched.path());
  CHECK(watched.hinted(true));
  CHECK_FALSE(watched.folder().look(watched.now));
  fs::create_directory(watched.path());
  CHECK(watched.look().empty());
  watched.hinted(false);
  watched.write("again.so");
  CHECK(watched.hinted(true));
}

TEST_CASE("without hints listing is all there is", "[folder]") {
  Watched watched{false};
  CHECK(watched.folder().fd() == -1);
  CHECK_FALSE(watched.folder().take_hints());
  watched.write("x.so");
  CHECK(watched.folder().next_look(watched.now) == watched.now + limits.rescan);
  CHECK(watched.settle().settled == Names{"x.so"});
}

TEST_CASE("a file may be put where there is no directory yet", "[folder]") {
  const daemon::TempDir root;
  DropFolder folder{root.path("later"), limits};
  CHECK_FALSE(folder.adopt(TimePoint{1s}));
  CHECK_FALSE(folder.look(TimePoint{1s}));
  CHECK(folder.next_look(TimePoint{1s}) == TimePoint{3s});
  fs::create_directory(root.path("later"));
  std::ofstream{root.path("later/x.so")} << "x";
  const auto first = folder.look(TimePoint{3s});
  REQUIRE(first);
  CHECK(first->empty());
  CHECK(folder.next_look(TimePoint{3s}) == TimePoint{3300ms});
  CHECK(folder.look(TimePoint{3300ms})->settled == Names{"x.so"});
  const auto none = list_plugins(root.path("later/x.so"));
  REQUIRE_FALSE(none);
  CHECK(none.error().find("cannot be listed") != std::string::npos);
}

TEST_CASE("what changes between the start's listing and its reading is told", "[folder]") {
  Watched watched;
  watched.write("x.so", "at the start");
  REQUIRE(watched.folder().adopt(watched.now));
  watched.write("x.so", "changed while it was being loaded");
  CHECK(watched.settle().settled == Names{"x.so"});
}
