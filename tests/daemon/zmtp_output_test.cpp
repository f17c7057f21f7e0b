// What goes over the wire: whole, in order, shared where it is large, and nothing kept afterwards.
#include "daemon/transport/zmtp_output.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include "daemon/zmtp/frame.hpp"
#include "tests/support/catch.hpp"

namespace backstage::transport::test {
namespace {

using Written = ZmtpOutput::Written;

// Two ends of a stream, one to be written to.
struct Stream {
  Stream() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0); }
  ~Stream() {
    close_reader();
    ::close(ends[0]);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  void close_reader() {
    if (ends[1] >= 0) ::close(ends[1]);
    ends[1] = -1;
  }
  // All there is to be read now.
  std::string take() const {
    std::string taken;
    std::array<char, 4096> piece{};
    for (;;) {
      const auto come = ::recv(ends[1], piece.data(), piece.size(), MSG_DONTWAIT);
      if (come <= 0) return taken;
      taken.append(piece.data(), static_cast<std::size_t>(come));
    }
  }
  std::array<int, 2> ends{};
};

std::string frame(std::string_view body, bool has_more) {
  return std::string(zmtp::message_header(body.size(), has_more).text()).append(body);
}

TEST_CASE("messages go out whole and in order, whatever their size", "[gateway][zmtp]") {
  const Stream stream;
  ZmtpChunks chunks;
  ZmtpOutput output;
  std::string expected;
  for (std::size_t size = 0; size < 600; ++size) {
    const std::string line(size, 'l');
    const std::string payload(size % 7, 'p');
    output.append(chunks, std::array{OutFrame{line}, OutFrame{payload}});
    expected += frame(line, true) + frame(payload, false);
    output.append(chunks, std::array{OutFrame{line, nullptr, payload}});
    expected += frame(std::string(line).append(1, '\n').append(payload), false);
  }
  CHECK(output.bytes() == expected.size());
  CHECK(output.messages() == 1'200);
  std::string come;
  while (output.write(chunks, stream.ends[0]) == Written::some) come += stream.take();
  come += stream.take();
  CHECK(come == expected);
  CHECK(output.empty());
  CHECK(output.messages() == 0);
}

TEST_CASE("a message that is encoded once for many has each of its frames, an empty one too",
          "[gateway][zmtp]") {
  for (std::size_t size = 0; size < 300; ++size) {
    std::string encoded;
    const std::string header(size, 'h');
    encode_message(encoded, std::array{OutFrame{header}, OutFrame{}});
    CHECK(encoded == frame(header, true) + frame("", false));
  }
}

TEST_CASE("a large payload is written from where it lies, and let go of when it is written",
          "[gateway][zmtp]") {
  const Stream stream;
  ZmtpChunks chunks;
  ZmtpOutput output;
  const std::string body(100'000, 'x');
  const Payload payload(body);
  const auto before = payload.buffer()->count.load();
  output.append(chunks, std::array{OutFrame{"line"}, OutFrame{payload.text(), payload.buffer()}});
  CHECK(payload.buffer()->count.load() == before + 1);
  std::string come;
  while (output.write(chunks, stream.ends[0]) == Written::some) come += stream.take();
  come += stream.take();
  CHECK(come == frame("line", true) + frame(body, false));
  CHECK(payload.buffer()->count.load() == before);
}

TEST_CASE("what the kernel does not take waits, and goes on where it stopped", "[gateway][zmtp]") {
  const Stream stream;
  ZmtpChunks chunks;
  ZmtpOutput output;
  std::string expected;
  for (int i = 0; i < 20'000; ++i) {
    const auto line = "MSG 1 feed/x " + std::to_string(i);
    output.append(chunks, std::array{OutFrame{line}});
    expected += frame(line, false);
  }
  REQUIRE(output.write(chunks, stream.ends[0]) == Written::some);
  CHECK(output.bytes() < expected.size());
  CHECK(output.messages() < 20'000);
  std::string come = stream.take();
  while (output.write(chunks, stream.ends[0]) == Written::some) come += stream.take();
  come += stream.take();
  CHECK(come == expected);
}

TEST_CASE("nobody reads there any more: it is told, and clear() gives all back",
          "[gateway][zmtp]") {
  Stream stream;
  stream.close_reader();
  ZmtpChunks chunks;
  ZmtpOutput output;
  const Payload payload(std::string(5'000, 'x'));
  output.append(chunks, std::array{OutFrame{payload.text(), payload.buffer()}});
  CHECK(output.write(chunks, stream.ends[0]) == Written::broken);
  output.clear(chunks);
  CHECK(output.empty());
  CHECK(payload.buffer()->count.load() == 1);
}

}  // namespace
}  // namespace backstage::transport::test
