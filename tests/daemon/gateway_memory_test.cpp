// What an idle client costs in memory, beside what libzmq has for its connection.
#include <array>
#include <string_view>

#include "core/cell.hpp"
#include "daemon/transport/connection_book.hpp"
#include "daemon/transport/zmq_peers.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/gateway_fixture.hpp"
#include "tests/support/heap.hpp"

namespace backstage::gateway::test {
namespace {

using backstage::test::heap_bytes;
using backstage::test::tells_heap;

constexpr std::size_t clients_max = 1'000;
// What a thousand sessions come to, each, tables half empty included: 1.5 KB when this was written.
constexpr std::size_t session_bytes_max = 1'600;
// The same with a subscription to an address of its own, which is what N4 measures: 2.0 KB.
constexpr std::size_t subscribed_bytes_max = 2'048;
constexpr std::string_view user = "tcp:local";

// Sessions as the front and the engine have them.
class Crowd {
 public:
  Crowd() {
    clients_.reserve(clients_max + 1);
    for (std::size_t i = 0; i <= clients_max; ++i) clients_.push_back(world_.dealer());
    // What the test's own transport has of each.
    for (const auto& client : clients_) (void)world_.transport.lines[client.id()];
    // The first one pays for what all have together.
    begin(clients_.back(), {});
    clients_.pop_back();
  }

  // Of one that says HELLO and that, if anything, and hears the answers.
  [[nodiscard]] std::size_t bytes_each(std::string_view also = {}) {
    const std::size_t before = heap_bytes();
    for (auto& client : clients_) begin(client, also);
    // Cells are made many at a time.
    return (heap_bytes() - before) / clients_.size() + sizeof(Cell);
  }

 private:
  void begin(FakeClient& client, std::string_view also) {
    client.say("HELLO v=1");
    if (!also.empty()) client.say(std::string(also));
    REQUIRE(client.heard().size() == (also.empty() ? 1 : 2));
    // Moved over, for an assignment of {} would keep the capacity.
    world_.events.lines = std::vector<std::string>();
  }

  static Options options() {
    Options options = GatewayWorld::default_options();
    options.limits.sessions_max = clients_max + 1;
    return options;
  }

  GatewayWorld world_{options()};
  std::vector<FakeClient> clients_;
};

// What the way to libzmq knows of each connection.
std::size_t bytes_of_a_peer() {
  const Options options;
  Principals principals(options, options.limits);
  Principal& principal = principals.of(user);
  transport::ZmqPeers peers;
  transport::ConnectionBook book;
  // Nothing is done with descriptors but to ask the kernel whether they are sockets.
  constexpr int fd_first = 100;
  const std::size_t before = heap_bytes();
  for (std::size_t i = 0; i < clients_max; ++i) {
    const int fd = fd_first + static_cast<int>(i);
    const std::array<char, 5> id{'\0', 'x', 'y', static_cast<char>(i >> 8U), static_cast<char>(i)};
    peers.add({id.data(), id.size()}, fd).peer.user_id = NameRef(user);
    book.opened(policy::Door::cmd, fd);
    (void)book.met(policy::Door::cmd, fd, principal);
  }
  return (heap_bytes() - before) / clients_max;
}

TEST_CASE("an idle session costs little beside its connection", "[gateway][memory]") {
  Crowd crowd;
  const std::size_t session = crowd.bytes_each();
  const std::size_t peer = bytes_of_a_peer();
  INFO(session << " bytes of a session, and " << peer << " of its peer");
  if (tells_heap) CHECK(session + peer <= session_bytes_max);
}

TEST_CASE("a subscription makes a session's books, and no more", "[gateway][memory]") {
  Crowd crowd;
  const std::size_t session = crowd.bytes_each("SUB lamp/light id=1");
  const std::size_t peer = bytes_of_a_peer();
  INFO(session << " bytes of a session, and " << peer << " of its peer");
  if (tells_heap) CHECK(session + peer <= subscribed_bytes_max);
}

}  // namespace
}  // namespace backstage::gateway::test
