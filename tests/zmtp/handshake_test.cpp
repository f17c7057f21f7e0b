// The handshake: good ones in any pieces, and every way to be refused.
#include "daemon/zmtp/handshake.hpp"

#include <string>

#include "daemon/zmtp/frame.hpp"
#include "tests/support/catch.hpp"

namespace backstage::zmtp {
namespace {

using State = Handshake::State;
using namespace std::string_literals;

std::string greeting_of(char major, char minor, const std::string& mechanism) {
  std::string text = "\xff"s + "\0\0\0\0\0\0\0\1\x7f"s + major + minor + mechanism;
  text.resize(greeting_bytes, '\0');
  return text;
}

std::string command(const std::string& body) {
  return std::string(command_header(body.size()).text()) + body;
}

std::string ready_of(const std::string& type, const std::string& identity = "") {
  return command("\5READY\13Socket-Type"s + "\0\0\0"s + static_cast<char>(type.size()) + type +
                 "\10Identity"s + "\0\0\0"s + static_cast<char>(identity.size()) + identity);
}

// Gives it the bytes a piece at a time, as they would come.
void feed(Handshake& handshake, const std::string& bytes, std::size_t piece) {
  std::string kept;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    kept += bytes.substr(at, piece);
    kept.erase(0, handshake.read(kept));
  }
}

std::string refusal_of(const std::string& bytes) {
  Handshake handshake;
  feed(handshake, bytes, bytes.size());
  return handshake.state() == State::refused ? std::string(handshake.why()) : "not refused";
}

TEST_CASE("a good handshake is understood in pieces of any size", "[zmtp]") {
  const auto bytes = greeting_of(3, 1, "NULL") + ready_of("DEALER");
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    Handshake handshake;
    feed(handshake, bytes, piece);
    REQUIRE(handshake.state() == State::done);
    CHECK(handshake.socket_type() == "DEALER");
    CHECK(handshake.has_heartbeats());
    CHECK_FALSE(handshake.has_identity());
  }
}

TEST_CASE("what follows the handshake is left to who reads messages", "[zmtp]") {
  const auto bytes = greeting_of(3, 1, "NULL") + ready_of("PUSH");
  Handshake handshake;
  CHECK(handshake.read(bytes + "\0\5PING "s) == bytes.size());
}

TEST_CASE("ZMTP 3.0 is spoken without heartbeats, and a later 3 and 4 are taken for 3.1",
          "[zmtp]") {
  for (const auto& [major, minor, beats] :
       {std::tuple{3, 0, false}, std::tuple{3, 2, true}, std::tuple{4, 0, true}}) {
    Handshake handshake;
    feed(handshake,
         greeting_of(static_cast<char>(major), static_cast<char>(minor), "NULL") + ready_of("REQ"),
         1'000);
    CHECK(handshake.state() == State::done);
    CHECK(handshake.has_heartbeats() == beats);
  }
}

TEST_CASE("a routing id of its own is noticed", "[zmtp]") {
  Handshake handshake;
  feed(handshake, greeting_of(3, 1, "NULL") + ready_of("DEALER", "me"), 1'000);
  CHECK(handshake.has_identity());
}

TEST_CASE("who does not speak ZMTP 3 with NULL is refused as soon as it shows", "[zmtp]") {
  CHECK(refusal_of("G") == "it does not speak ZMTP 3");
  CHECK(refusal_of("GET / HTTP/1.1\r\n\r\n") == "it does not speak ZMTP 3");
  CHECK(refusal_of("\xff\0\0\0\0\0\0\0\1\x7e"s) == "it does not speak ZMTP 3");
  // ZMTP 2.0 says no more than this before it is answered.
  CHECK(refusal_of("\xff\0\0\0\0\0\0\0\1\x7f\1"s) == "its ZMTP is older than 3.0, of libzmq 4.0");
  const auto other = "this endpoint speaks NULL only, and it wants another mechanism";
  CHECK(refusal_of(greeting_of(3, 1, "CURVE")) == other);
  CHECK(refusal_of(greeting_of(3, 1, "NULLX")) == other);
  CHECK(refusal_of(greeting_of(3, 1, "")) == other);
}

TEST_CASE("who says anything but READY after its greeting is refused", "[zmtp]") {
  const auto hello = greeting_of(3, 1, "NULL");
  CHECK(refusal_of(hello + "\0\1x"s) == "it sends messages before READY");
  CHECK(refusal_of(hello + "\x80\1x"s) == "its greeting is followed by no frame");
  CHECK(refusal_of(hello + command("\5ERROR\0"s)) == "it refuses us");
  CHECK(refusal_of(hello + command("\4PING\0\0"s)) == "it sends another command than READY");
  CHECK(refusal_of(hello + command("\5READY\13Sock")) == "its READY cannot be read");
  CHECK(refusal_of(hello + std::string(command_header(ready_bytes_max + 1).text())) ==
        "its READY is too long");
}

}  // namespace
}  // namespace backstage::zmtp
