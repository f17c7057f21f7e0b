// Commands: READY, PING, PONG, SUBSCRIBE, CANCEL, and whatever else may stand in their place.
#include "daemon/zmtp/command.hpp"

#include <string>

#include "daemon/zmtp/frame.hpp"
#include "tests/support/catch.hpp"

namespace backstage::zmtp {
namespace {

using Kind = Command::Kind;
using namespace std::chrono_literals;
using namespace std::string_literals;

// The body of the one command frame in `bytes`.
std::string_view body_of(const std::string& bytes) {
  const Header header = parse_header(bytes);
  REQUIRE(header.is_command);
  REQUIRE(bytes.size() == header.bytes + header.body_bytes);
  return std::string_view(bytes).substr(header.bytes);
}

std::string property(const std::string& name, const std::string& value) {
  return std::string(1, static_cast<char>(name.size())) + name + "\0\0\0"s +
         static_cast<char>(value.size()) + value;
}

TEST_CASE("commands are told by their names, exactly", "[zmtp]") {
  CHECK(parse_command("\5READYabc").kind == Kind::ready);
  CHECK(parse_command("\5READYabc").data == "abc");
  CHECK(parse_command("\5ERROR").kind == Kind::error);
  CHECK(parse_command("\4PING").kind == Kind::ping);
  CHECK(parse_command("\4PONG").kind == Kind::pong);
  CHECK(parse_command("\11SUBSCRIBEfeed/x").data == "feed/x");
  CHECK(parse_command("\6CANCEL").kind == Kind::cancel);
  CHECK(parse_command("\4ping").kind == Kind::unknown);
  CHECK(parse_command("\5HELLO").kind == Kind::unknown);
}

TEST_CASE("a command without a name, or with less than it announces, is broken", "[zmtp]") {
  CHECK(parse_command("").kind == Kind::broken);
  CHECK(parse_command("\0"s).kind == Kind::broken);
  CHECK(parse_command("\5READ").kind == Kind::broken);
  CHECK(parse_command("\xff").kind == Kind::broken);
}

TEST_CASE("READY's properties are found by name in any case, others are passed over", "[zmtp]") {
  const auto data =
      property("X-Mine", "1") + property("socket-TYPE", "DEALER") + property("Identity", "me");
  const auto ready = parse_ready(data);
  REQUIRE(ready);
  CHECK(ready->socket_type == "DEALER");
  CHECK(ready->identity == "me");
  CHECK(parse_ready("")->socket_type.empty());
}

TEST_CASE("READY that does not add up is no READY, wherever it is cut", "[zmtp]") {
  const auto whole = property("Socket-Type", "REQ");
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    CHECK_FALSE(parse_ready(whole.substr(0, cut)));
  }
  CHECK_FALSE(parse_ready("\0\0\0\0\0"s));
  CHECK_FALSE(parse_ready("\1a\xff\xff\xff\xff"));
}

TEST_CASE("our READY is read back as what it says", "[zmtp]") {
  std::string bytes;
  append_ready(bytes, "ROUTER");
  const auto command = parse_command(body_of(bytes));
  CHECK(command.kind == Kind::ready);
  CHECK(parse_ready(command.data)->socket_type == "ROUTER");
}

TEST_CASE("PING's time to live is in tenths of a second, and PONG gives its context back",
          "[zmtp]") {
  const auto data = "\0\x0f"s + "ctx";
  const auto ping = parse_ping(data);
  REQUIRE(ping);
  CHECK(ping->ttl == 1500ms);
  CHECK(ping->context == "ctx");
  std::string bytes;
  append_pong(bytes, ping->context);
  CHECK(parse_command(body_of(bytes)).kind == Kind::pong);
  CHECK(parse_command(body_of(bytes)).data == "ctx");
  bytes.clear();
  append_ping(bytes, 20s);
  CHECK(parse_ping(parse_command(body_of(bytes)).data)->ttl == 20s);
}

TEST_CASE("PING cut short, or with more context than 16 bytes, is none", "[zmtp]") {
  CHECK_FALSE(parse_ping(""));
  CHECK_FALSE(parse_ping("\0"s));
  CHECK(parse_ping("\0\0"s + std::string(16, 'x')));
  CHECK_FALSE(parse_ping("\0\0"s + std::string(17, 'x')));
}

}  // namespace
}  // namespace backstage::zmtp
