// What one connection sends, cut into messages, however it is read.
#include "daemon/transport/zmtp_reader.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"

namespace backstage::transport::test {
namespace {

using What = ZmtpReader::What;
using Frames = std::vector<std::string>;

constexpr std::uint64_t frame_bytes_max = 100'000;

std::string wire_of(const Frames& frames) {
  std::string bytes;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    bytes += zmtp::message_header(frames[i].size(), i + 1 < frames.size()).text();
    bytes += frames[i];
  }
  return bytes;
}

// Reads as a connection does: into a buffer that is overwritten by the next read.
class Reading {
 public:
  // False: the stream is broken.
  bool read(std::string_view come) {
    while (!come.empty()) {
      if (const auto room = reader.body_room(); !room.empty()) {
        const auto part = come.substr(0, room.size());
        std::ranges::copy(part, room.begin());
        come.remove_prefix(part.size());
        if (reader.filled(part.size()) && !take({})) return false;
        continue;
      }
      buffer_.assign(1U << 17U, '#');
      const std::size_t kept = reader.take_tail(buffer_.data());
      std::ranges::copy(come, buffer_.begin() + static_cast<std::ptrdiff_t>(kept));
      const bool goes_on = take({buffer_.data(), kept + come.size()});
      come = {};
      if (!goes_on) return false;
    }
    return true;
  }

  ZmtpReader reader{frame_bytes_max};
  std::vector<Frames> messages;
  std::vector<Payload> taken;  // of the last frame of each
  int commands = 0;

 private:
  bool take(std::string_view bytes) {
    auto what = reader.resume(message_) ? What::message : reader.next(bytes, message_);
    for (;; what = reader.next(bytes, message_)) {
      if (what == What::broken) return false;
      if (what == What::command) {
        ++commands;
      } else if (what == What::nothing) {
        reader.keep(bytes, message_);
        return true;
      } else {
        const auto frames = message_.frames();
        messages.emplace_back(frames.begin(), frames.end());
        taken.push_back(message_.take(frames.size() - 1, 0));
        message_.clear();
      }
    }
  }
  ZmtpMessage message_;
  std::string buffer_;
};

std::string filled(std::size_t size, char with) { return std::string(size, with); }

TEST_CASE("messages are the same whatever pieces they come in", "[gateway][zmtp]") {
  const std::vector<Frames> sent{{"PING"},
                                 {"SEND echo", "5"},
                                 {""},
                                 {"", "REQ echo", filled(300, 'a')},
                                 {"PUB feed/x", filled(4'095, 'b')},
                                 {"PUB feed/x", filled(4'096, 'c')},
                                 {filled(9'000, 'd'), filled(50'000, 'e'), "tail"},
                                 {"BYE"}};
  std::string bytes;
  for (const auto& frames : sent) bytes += wire_of(frames);
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 100U, 1'000U, 4'096U, 16'384U, 1'000'000U}) {
    Reading reading;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      REQUIRE(reading.read(std::string_view(bytes).substr(at, piece)));
    }
    CHECK(reading.messages == sent);
    for (std::size_t i = 0; i < sent.size(); ++i) CHECK(reading.taken[i].text() == sent[i].back());
    CHECK_FALSE(reading.reader.has_tail());
  }
}

TEST_CASE("a large frame that a read cuts is read into what its payload is made of",
          "[gateway][zmtp]") {
  ZmtpReader reader(frame_bytes_max);
  ZmtpMessage message;
  const auto bytes = wire_of({"PUB feed/x\n" + filled(20'000, 'x')});
  std::string_view come = std::string_view(bytes).substr(0, 5'000);
  REQUIRE(reader.next(come, message) == What::nothing);
  const auto room = reader.body_room();
  REQUIRE(room.size() == bytes.size() - 5'000);
  std::ranges::fill(room, 'x');
  REQUIRE(reader.filled(room.size()));
  REQUIRE(reader.resume(message));
  const auto frame = message.frames()[0];
  const Payload payload = message.take(0, 11);
  CHECK(payload.size() == 20'000);
  CHECK(payload.text().data() == frame.data() + 11);
  message.clear();
  CHECK(payload.text() == filled(20'000, 'x'));
}

TEST_CASE("commands may stand between the frames of a message", "[gateway][zmtp]") {
  const auto command = std::string(zmtp::command_header(5).text()) + std::string("\4PONG");
  const auto bytes = wire_of({"SEND echo", "5"});
  Reading reading;
  REQUIRE(reading.read(bytes.substr(0, 11) + command + bytes.substr(11) + command));
  CHECK(reading.commands == 2);
  CHECK(reading.messages == std::vector<Frames>{{"SEND echo", "5"}});
}

TEST_CASE(
    "of a message with too many frames one more is kept than any may have, and the next "
    "message is whole",
    "[gateway][zmtp]") {
  Frames many(20, "frame");
  many.push_back(filled(30'000, 'x'));
  many.emplace_back("last");
  for (const std::size_t piece : {3U, 1'000U, 100'000U}) {
    Reading reading;
    const auto bytes = wire_of(many) + wire_of({"PING"});
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      REQUIRE(reading.read(std::string_view(bytes).substr(at, piece)));
    }
    REQUIRE(reading.messages.size() == 2);
    CHECK(reading.messages[0] == Frames(5, "frame"));
    CHECK(reading.messages[1] == Frames{"PING"});
  }
}

TEST_CASE("a frame over the limit breaks the stream by its header alone", "[gateway][zmtp]") {
  Reading reading;
  CHECK_FALSE(reading.read(zmtp::message_header(frame_bytes_max + 1, false).text()));
  Reading another;
  CHECK(another.read(zmtp::message_header(frame_bytes_max, false).text()));
  Reading third;
  CHECK_FALSE(third.read(zmtp::command_header(ZmtpReader::command_bytes_max + 1).text()));
  Reading fourth;
  CHECK_FALSE(fourth.read("\x10"));
}

}  // namespace
}  // namespace backstage::transport::test
