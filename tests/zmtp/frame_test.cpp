// Frames: what a header says, read and written.
#include "daemon/zmtp/frame.hpp"

#include <string>

#include "tests/support/catch.hpp"

namespace backstage::zmtp {
namespace {

using State = Header::State;
using namespace std::string_literals;

TEST_CASE("a header that was written is read as it was meant", "[zmtp]") {
  for (const std::size_t size : {0U, 1U, 255U, 256U, 65'535U, 65'536U, 1U << 30U}) {
    for (const bool has_more : {false, true}) {
      const auto text = message_header(size, has_more);
      const Header read = parse_header(text.text());
      CHECK(read.state == State::whole);
      CHECK(read.body_bytes == size);
      CHECK(read.has_more == has_more);
      CHECK_FALSE(read.is_command);
      CHECK(read.bytes == text.size);
    }
  }
  const Header command = parse_header(command_header(7).text());
  CHECK(command.is_command);
  CHECK_FALSE(command.has_more);
  CHECK(command.body_bytes == 7);
}

TEST_CASE("a length takes one byte up to 255 and eight from there on", "[zmtp]") {
  CHECK(message_header(255, false).text() == "\0\xff"s);
  CHECK(message_header(256, true).text() == "\3\0\0\0\0\0\0\1\0"s);
  CHECK(command_header(3).text() == "\4\3"s);
}

TEST_CASE("a header that is cut short wants more, wherever it is cut", "[zmtp]") {
  const auto text = message_header(1'000, false);
  for (std::size_t cut = 0; cut < text.size; ++cut) {
    CHECK(parse_header(text.text().substr(0, cut)).state == State::incomplete);
  }
}

TEST_CASE("flags that the protocol reserves are broken, and so is a command with more to come",
          "[zmtp]") {
  for (int flags = 0; flags < 256; ++flags) {
    const std::string bytes{static_cast<char>(flags), 0, 0, 0, 0, 0, 0, 0, 0};
    const bool is_command_with_more = (flags & 5) == 5;
    const bool is_broken = flags > 7 || is_command_with_more;
    CHECK((parse_header(bytes).state == State::broken) == is_broken);
  }
}

TEST_CASE("a long command whose flag libzmq 4.3.4 forgot is read as it was meant", "[zmtp]") {
  const Header read = parse_header("\4\0\0\0\0\0\0\1\4"s);
  CHECK(read.state == State::whole);
  CHECK(read.is_command);
  CHECK(read.bytes == header_bytes_max);
  CHECK(read.body_bytes == 260);
  CHECK(parse_header("\4\0\0"s).state == State::incomplete);
}

TEST_CASE("no length is too large to be read: who reads sets the limit", "[zmtp]") {
  const Header read = parse_header("\2\xff\xff\xff\xff\xff\xff\xff\xff"s);
  CHECK(read.state == State::whole);
  CHECK(read.body_bytes == ~std::uint64_t{0});
}

}  // namespace
}  // namespace backstage::zmtp
