// Key files and the directory of authorised keys: what is taken, what is refused, what is noticed.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "daemon/policy/authorized_keys.hpp"
#include "tests/daemon/temp_dir.hpp"
#include "tests/support/catch.hpp"

namespace backstage::policy {
namespace {

namespace fs = std::filesystem;
using backstage::daemon::TempDir;

std::string key_text(char fill) {
  Key key{};
  key.fill(fill);
  return encode_key({key.data(), key.size()});
}

void write(const std::string& path, const std::string& text, mode_t mode) {
  std::ofstream(path, std::ios::binary) << text;
  REQUIRE(::chmod(path.c_str(), mode) == 0);
}

}  // namespace

TEST_CASE("keys go to text and back", "[policy]") {
  std::mt19937 dice(3);  // NOLINT(cert-msc32-c,cert-msc51-cpp): a failure must come again
  for (int i = 0; i < 1'000; ++i) {
    Key key{};
    for (char& c : key) c = static_cast<char>(dice());
    const auto text = encode_key({key.data(), key.size()});
    REQUIRE(text.size() == key_digits);
    // No key can be taken for a comment.
    REQUIRE(text.front() != '#');
    REQUIRE(decode_key(text) == key);
  }
  // The example of ZeroMQ's RFC 32, four times.
  constexpr std::array<unsigned char, 8> hello{0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B};
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes.append(hello.begin(), hello.end());
  CHECK(encode_key(bytes) == "HelloWorldHelloWorldHelloWorldHelloWorld");
  for (const std::string& bad :
       {std::string(), std::string(39, 'a'), std::string(41, 'a'), std::string(40, '#'),
        std::string(40, ' '), std::string(40, '~')}) {
    CHECK_FALSE(decode_key(bad));
  }
  CHECK(encode_key("short").empty());
}

TEST_CASE("a secret key is read only if nobody else can read it", "[policy]") {
  const TempDir dir;
  const auto path = dir.path("server.key_secret");
  const auto code = [&] {
    const auto read = read_secret_key(path);
    return read ? std::string(read->text()) : read.error().code;
  };
  CHECK(code() == "KEY-101");
  write(path, "# a comment\n\n" + key_text('s') + "\n", 0600);
  CHECK(code() == key_text('s'));
  for (const mode_t mode : {0644U, 0640U, 0620U, 0604U, 0601U, 0610U}) {
    INFO(mode);
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    CHECK(code() == "KEY-104");
  }
  REQUIRE(::chmod(path.c_str(), 0400) == 0);
  CHECK(code() == key_text('s'));
  for (const std::string& text :
       {std::string(), std::string("#"), key_text('s') + "x", key_text('s').substr(1),
        key_text('s') + "\n" + key_text('t'), key_text('s') + std::string(1, '\0'),
        key_text('s') + std::string(5'000, '\n'), std::string("public-key = x")}) {
    REQUIRE(::chmod(path.c_str(), 0600) == 0);
    write(path, text, 0600);
    CHECK(code() == "KEY-105");
  }
  fs::remove(path);
  fs::create_directory(path);
  CHECK(code() == "KEY-102");
  fs::remove(path);
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  CHECK(code() == "KEY-102");
  fs::remove(path);
  if (::geteuid() == 0) {
    write(path, key_text('s'), 0600);
    REQUIRE(::chown(path.c_str(), 12'345, static_cast<gid_t>(-1)) == 0);
    CHECK(code() == "KEY-103");
  }
}

TEST_CASE("no message about a key file holds the key", "[policy]") {
  const TempDir dir;
  const auto path = dir.path("server.key_secret");
  write(path, key_text('s') + "x", 0600);
  const auto refused = read_secret_key(path);
  REQUIRE_FALSE(refused);
  const auto& fault = refused.error();
  CHECK((fault.what + fault.next + fault.where).find(key_text('s').substr(0, 10)) ==
        std::string::npos);
}

TEST_CASE("each file in the directory lets one client in", "[policy]") {
  const TempDir dir;
  KeyDirectory keys(dir.path(""));
  CHECK(keys.read()->keys.size() == 0);
  write(dir.path("desk.key"), key_text('d'), 0644);
  write(dir.path("feed.eu-1.key"), "# feed\n" + key_text('f') + "\r\n", 0600);
  write(dir.path("README"), "not a key", 0644);
  write(dir.path("desk.key_secret"), key_text('x'), 0600);
  write(dir.path(".hidden.key"), key_text('h'), 0644);
  write(dir.path("other.key"), key_text('d'), 0644);
  write(dir.path("open.key"), key_text('o'), 0666);
  write(dir.path("two words.key"), key_text('w'), 0644);
  write(dir.path("empty.key"), "", 0644);
  CHECK(keys.has_changed());
  const auto found = keys.read();
  REQUIRE(found);
  CHECK(found->keys.size() == 2);
  const auto who = [&](char fill) {
    return std::string(found->keys.find(std::string(key_bytes, fill)));
  };
  CHECK(who('d') == "desk");
  CHECK(who('f') == "feed.eu-1");
  for (const char fill : {'x', 'h', 'o', 'w'}) CHECK(who(fill).empty());
  CHECK(found->keys.find("").empty());
  std::vector<std::string> codes;
  for (const auto& fault : found->refused) codes.push_back(fault.code);
  CHECK(codes == std::vector<std::string>{"KEY-105", "KEY-104", "KEY-108", "KEY-107"});
  CHECK_FALSE(keys.has_changed());
}

TEST_CASE("what changes in the directory is noticed, and who loses a key is named", "[policy]") {
  const TempDir dir;
  KeyDirectory keys(dir.path(""));
  write(dir.path("desk.key"), key_text('d'), 0644);
  write(dir.path("feed.key"), key_text('f'), 0644);
  const auto before = keys.read()->keys;
  CHECK_FALSE(keys.has_changed());
  fs::remove(dir.path("desk.key"));
  CHECK(keys.has_changed());
  write(dir.path("feed.key"), key_text('g'), 0644);
  write(dir.path("new.key"), key_text('n'), 0644);
  const auto after = keys.read()->keys;
  CHECK(before.lost_in(after) == std::vector<std::string>{"desk", "feed"});
  CHECK(after.lost_in(after).empty());
  CHECK(after.has("new"));
  // Renamed over, as editors and `mv` do.
  write(dir.path("draft"), key_text('h'), 0644);
  fs::rename(dir.path("draft"), dir.path("feed.key"));
  CHECK(keys.has_changed());
  CHECK(keys.read()->keys.find(std::string(key_bytes, 'h')) == "feed");
  REQUIRE(::chmod(dir.path("feed.key").c_str(), 0666) == 0);
  CHECK(keys.has_changed());
  CHECK(keys.read()->keys.find(std::string(key_bytes, 'h')).empty());
}

TEST_CASE("a directory that others may write to lets nobody in", "[policy]") {
  const TempDir dir;
  KeyDirectory keys(dir.path(""));
  write(dir.path("desk.key"), key_text('d'), 0644);
  REQUIRE(keys.read());
  REQUIRE(::chmod(dir.path("").c_str(), 0770) == 0);
  CHECK(keys.has_changed());
  REQUIRE_FALSE(keys.read());
  CHECK(keys.read().error().code == "KEY-106");
  REQUIRE(::chmod(dir.path("").c_str(), 0700) == 0);
  CHECK(keys.has_changed());
  CHECK(keys.read());
  CHECK(KeyDirectory(dir.path("missing")).read().error().code == "KEY-106");
}

}  // namespace backstage::policy
