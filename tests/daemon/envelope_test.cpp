// What a peer puts before its messages comes back before its answers.
#include "daemon/transport/envelope.hpp"

#include <string>
#include <vector>

#include "tests/support/catch.hpp"

namespace backstage::transport::test {
namespace {

using Views = std::vector<std::string_view>;

Views put_back(const Envelope& envelope) {
  Views frames;
  envelope.put_back([&frames](std::string_view frame) { frames.push_back(frame); });
  return frames;
}

TEST_CASE("a DEALER that puts nothing before its messages gets nothing before its answers",
          "[transport]") {
  Envelope envelope;
  CHECK(envelope.take_off(SocketKind::dealer, Views{"SEND a id=1", "payload"}) == 0);
  CHECK(envelope.is_empty());
  CHECK(put_back(envelope).empty());
}

TEST_CASE("a delimiter goes back, and the number before it while the peer sends one",
          "[transport]") {
  Envelope envelope;
  const std::string number("\0\0\0\7", 4);
  CHECK(envelope.take_off(SocketKind::req, Views{number, "", "PING"}) == 2);
  CHECK(put_back(envelope) == Views{number, ""});
  CHECK(envelope.take_off(SocketKind::req, Views{"", "PING"}) == 1);
  CHECK(put_back(envelope) == Views{""});
}

TEST_CASE("a DEALER that sent a delimiter once is answered with one from then on", "[transport]") {
  Envelope envelope;
  CHECK(envelope.take_off(SocketKind::dealer, Views{"", "PING"}) == 1);
  CHECK(envelope.take_off(SocketKind::dealer, Views{"PING"}) == 0);
  CHECK(put_back(envelope) == Views{""});
}

}  // namespace
}  // namespace backstage::transport::test
