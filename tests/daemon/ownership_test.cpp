// The gate on the file system: owners, modes, links and things that only look like files.
#include "daemon/plugin_gate/ownership.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "daemon/plugin_gate/gate.hpp"
#include "tests/daemon/elf_image.hpp"
#include "tests/support/catch.hpp"

using namespace backstage::plugin_gate;
using backstage::test::ElfImage;
namespace fs = std::filesystem;

namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// A plugin directory of mode 0755 inside a private one; gone at the end of the test.
class Drop final {
 public:
  Drop() {
    std::string name = (fs::temp_directory_path() / "backstage-gate-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    root_ = fs::canonical(name);
    fs::create_directory(directory());
    chmod(directory(), 0755);
    plugin_ = add("x.so");
  }
  Drop(const Drop&) = delete;
  Drop& operator=(const Drop&) = delete;
  ~Drop() {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }

  [[nodiscard]] fs::path root() const { return root_; }
  [[nodiscard]] fs::path directory() const { return root_ / "plugins"; }
  [[nodiscard]] fs::path plugin() const { return plugin_; }

  [[nodiscard]] fs::path add(const std::string& name) const {
    const auto path = directory() / name;
    std::ofstream{path, std::ios::binary} << backstage::test::text_of(ElfImage{}.bytes());
    chmod(path, 0644);
    return path;
  }
  static void chmod(const fs::path& path, mode_t mode) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
  }

 private:
  fs::path root_, plugin_;
};

Rejection refused(const fs::path& path, Code code, const Rules& rules = {}) {
  const auto verdict = judge_file(path.string(), rules);
  REQUIRE_FALSE(verdict.has_value());
  const auto& rejection = verdict.error();
  INFO(rejection.text());
  CHECK(token(rejection.code) == token(code));
  CHECK(rejection.file == path.string());
  CHECK_FALSE(rejection.cause.empty());
  CHECK_FALSE(rejection.fix.empty());
  return rejection;
}

}  // namespace

TEST_CASE("a plugin nobody else can change is admitted with its bytes", "[gate]") {
  const Drop drop;
  const auto verdict = judge_file(drop.plugin().string());
  if (!verdict) FAIL(verdict.error().text());
  CHECK(verdict->manifest.id == "org.example.echo");
  CHECK(verdict->image == ElfImage{}.bytes());
  CHECK(judge_directory(drop.directory().string()).has_value());
}

TEST_CASE("a world-writable directory disables its plugins with one clear refusal", "[gate]") {
  const Drop drop;
  Drop::chmod(drop.directory(), 0777);
  const auto whole = judge_directory(drop.directory().string());
  REQUIRE_FALSE(whole.has_value());
  CHECK(whole.error().code == Code::writable_directory);
  CHECK(contains(whole.error().text(), drop.directory().string()));
  CHECK(contains(whole.error().cause, "mode 0777"));
  CHECK(contains(whole.error().fix, "chmod go-w " + drop.directory().string()));
  refused(drop.plugin(), Code::writable_directory);
}

TEST_CASE("a sticky plugin directory is still refused, without advice to close it", "[gate]") {
  const Drop drop;
  Drop::chmod(drop.directory(), 01777);
  const auto rejection = refused(drop.plugin(), Code::writable_directory);
  CHECK_FALSE(contains(rejection.fix, "chmod"));
}

TEST_CASE("a group-writable parent directory is refused and named", "[gate]") {
  const Drop drop;
  Drop::chmod(drop.root(), 0770);
  const auto rejection = refused(drop.plugin(), Code::writable_directory);
  CHECK(contains(rejection.fix, drop.root().string()));
}

TEST_CASE("a file others may change is refused", "[gate]") {
  const Drop drop;
  for (const mode_t mode : {0664U, 0646U, 0666U}) {
    Drop::chmod(drop.plugin(), mode);
    const auto rejection = refused(drop.plugin(), Code::writable_file);
    CHECK(contains(rejection.fix, "chmod go-w"));
  }
}

TEST_CASE("a file or directory of another user is refused", "[gate]") {
  const Drop drop;
  if (::geteuid() == 0) {
    REQUIRE(::chown(drop.plugin().c_str(), 12345, 12345) == 0);
    const auto rejection = refused(drop.plugin(), Code::bad_owner);
    CHECK(contains(rejection.cause, "uid 12345"));
    CHECK(judge_file(drop.plugin().string(), {.trusted_uid = 12345}).has_value());
    REQUIRE(::chown(drop.directory().c_str(), 12345, 12345) == 0);
    refused(drop.plugin(), Code::bad_owner);
  } else {
    refused(drop.plugin(), Code::bad_owner, {.trusted_uid = ::geteuid() + 1});
  }
}

TEST_CASE("a link in the place of a plugin passes when what it leads to does", "[gate]") {
  const Drop drop;
  const auto link = drop.directory() / "link.so";
  fs::create_symlink("x.so", link);
  const auto verdict = judge_file(link.string());
  if (!verdict) FAIL(verdict.error().text());
  CHECK(verdict->image == ElfImage{}.bytes());

  // As configuration systems swap whole directories: x.so -> ..data/x.so, ..data -> ..2024/.
  const auto version = drop.root() / "plugins" / "..2024";
  fs::create_directory(version);
  Drop::chmod(version, 0755);
  fs::rename(drop.plugin(), version / "x.so");
  fs::create_symlink("..2024", drop.directory() / "..data");
  fs::create_symlink("..data/x.so", drop.plugin());
  CHECK(judge_file(drop.plugin().string()).has_value());
  CHECK(judge_file(link.string()).has_value());
}

TEST_CASE("a link is refused for what it leads to, and through", "[gate]") {
  const Drop drop;
  const auto link = drop.directory() / "link.so";
  const auto outside = drop.root() / "outside";
  fs::create_directory(outside);
  Drop::chmod(outside, 0755);
  fs::rename(drop.plugin(), outside / "x.so");
  fs::create_symlink(outside / "x.so", link);
  CHECK(judge_file(link.string()).has_value());

  Drop::chmod(outside / "x.so", 0666);
  CHECK(contains(refused(link, Code::writable_file).fix, link.string()));
  Drop::chmod(outside / "x.so", 0644);
  // Whoever may write there could put another file in the place of the target.
  for (const mode_t mode : {0777U, 01777U, 0775U}) {
    Drop::chmod(outside, mode);
    CHECK(contains(refused(link, Code::writable_directory).cause, outside.string()));
  }
  Drop::chmod(outside, 0755);
  CHECK(judge_file(link.string()).has_value());

  if (::geteuid() == 0) {
    REQUIRE(::chown((outside / "x.so").c_str(), 12345, 12345) == 0);
    refused(link, Code::bad_owner);
    REQUIRE(::chown((outside / "x.so").c_str(), 0, 0) == 0);
    REQUIRE(::lchown(link.c_str(), 12345, 12345) == 0);
    CHECK(contains(refused(link, Code::bad_owner).cause, "the link"));
  }
}

TEST_CASE("a link that leads to no file is refused with where it leads", "[gate]") {
  const Drop drop;
  const auto dangling = drop.directory() / "dangling.so";
  fs::create_symlink(drop.directory() / "nowhere", dangling);
  const auto rejection = refused(dangling, Code::symlink);
  CHECK(contains(rejection.cause, "nowhere"));
  CHECK(contains(rejection.fix, "ln -sfn FILE " + dangling.string()));

  const auto loop = drop.directory() / "loop.so";
  fs::create_symlink("loop.so", loop);
  refused(loop, Code::unreadable);
  const auto folder = drop.directory() / "folder.so";
  fs::create_symlink(drop.directory(), folder);
  refused(folder, Code::not_regular);
  const auto device = drop.directory() / "device.so";
  fs::create_symlink("/dev/null", device);
  refused(device, Code::not_regular);
}

TEST_CASE("a link to the plugin directory passes only if its target does", "[gate]") {
  const Drop drop;
  fs::create_directory_symlink("plugins", drop.root() / "by-name");
  CHECK(judge_file((drop.root() / "by-name" / "x.so").string()).has_value());
  fs::create_directory_symlink(drop.directory(), drop.root() / "by-path");
  CHECK(judge_file((drop.root() / "by-path" / ".." / "by-name" / "x.so").string()).has_value());
  Drop::chmod(drop.directory(), 0777);
  refused(drop.root() / "by-name" / "x.so", Code::writable_directory);
  fs::create_symlink("loop", drop.root() / "loop");
  const auto loop = judge_directory((drop.root() / "loop").string());
  REQUIRE_FALSE(loop.has_value());
  CHECK(loop.error().code == Code::unreadable);
}

TEST_CASE("a FIFO, a socket and a directory are refused at once", "[gate]") {
  const Drop drop;
  const auto fifo = drop.directory() / "fifo.so";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  refused(fifo, Code::not_regular);

  const auto folder = drop.directory() / "folder.so";
  fs::create_directory(folder);
  refused(folder, Code::not_regular);

  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto path = (drop.root() / "s").string();
  REQUIRE(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  refused(path, Code::not_regular);
  ::close(fd);
}

TEST_CASE("what is not there is refused with its name", "[gate]") {
  const Drop drop;
  const auto file = refused(drop.directory() / "none.so", Code::unreadable);
  CHECK(contains(file.cause, "none.so"));
  const auto directory = judge_directory((drop.root() / "none").string());
  REQUIRE_FALSE(directory.has_value());
  CHECK(directory.error().code == Code::unreadable);
  const auto no_directory = judge_directory(drop.plugin().string());
  REQUIRE_FALSE(no_directory.has_value());
  CHECK(no_directory.error().code == Code::not_directory);
  CHECK_FALSE(judge_directory("").has_value());
}

TEST_CASE("a file over the size limit is refused before it is read", "[gate]") {
  const Drop drop;
  REQUIRE(::truncate(drop.plugin().c_str(), static_cast<off_t>(file_bytes_max) + 1) == 0);
  const auto rejection = refused(drop.plugin(), Code::too_large);
  CHECK(contains(rejection.cause, std::to_string(file_bytes_max)));
}

TEST_CASE("a name with control characters cannot forge a line", "[gate]") {
  const Drop drop;
  const auto path = drop.directory() / "a\n\x1b[31mERROR.so";
  fs::copy_file(drop.plugin(), path);
  Drop::chmod(path, 0666);
  const auto verdict = judge_file(path.string());
  REQUIRE_FALSE(verdict.has_value());
  CHECK(contains(verdict.error().text(), "a\\x0a\\x1b[31mERROR.so"));
  CHECK_FALSE(contains(verdict.error().text(), "\n"));
}

TEST_CASE("an empty file is refused as truncated", "[gate]") {
  const Drop drop;
  REQUIRE(::truncate(drop.plugin().c_str(), 0) == 0);
  refused(drop.plugin(), Code::elf_truncated);
}
