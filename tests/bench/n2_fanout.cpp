// N2: one publisher, --subs subscribers in one epoll thread, 64 bytes: by `cmd`, one message a
// delivery or batched (--batched 1), or by `pub` (--pub PORT, one frame a message).
#include <thread>

#include "tests/bench/zmq_peer.hpp"
#include "tests/bench/zmtp.hpp"

using namespace backstage::bench;

namespace {

constexpr std::string_view address = "bench/n2";

Zmtp by_cmd(long port, bool is_batched) {
  Zmtp client(port, "DEALER");
  client.send(is_batched ? "HELLO v=1 batch=1 frames=1" : "HELLO v=1 frames=1");
  (void)client.next_frame();
  client.send("SUB " + std::string(address) + " id=1");
  if (const auto answer = client.next_frame(); !answer.starts_with("OK 1")) {
    give_up("a subscription", answer, "is this the broker that the benchmark is for?");
  }
  return client;
}

// What is published before its filter has arrived is not for it: SYNC's message comes once it has.
Zmtp by_pub(long port, ZmqPeer& publisher) {
  Zmtp client(port, "SUB");
  client.send(std::string("\1").append(address) + "|");
  client.send("\1$sys/sync/n2|");
  (void)::fcntl(client.socket(), F_SETFL, O_NONBLOCK);
  for (char first = 0; ::recv(client.socket(), &first, 1, MSG_PEEK) < 0;) {
    publisher.ask("SYNC n2 id=1", "OK 1");
    ::usleep(1000);
  }
  client.send(std::string("\0$sys/sync/n2|", 14));
  return client;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments{argc, argv};
  const long port = arguments.number("--port", 15600);
  const long subscribers = arguments.number("--subs", 100);
  const long publishes = arguments.number("--pubs", 20'000);
  const bool is_batched = arguments.text("--batched", "0") == "1";
  const bool is_by_pub = !arguments.text("--pub", "").empty();
  ZmqPeer publisher(ZMQ_DEALER, port);
  std::vector<Zmtp> clients;
  for (long i = 0; i < subscribers; ++i) {
    clients.push_back(is_by_pub ? by_pub(arguments.number("--pub", 15601), publisher)
                                : by_cmd(port, is_batched));
  }
  std::uint64_t end = 0;
  std::thread reader([&] {
    drain(clients, publishes);
    end = now_ns();
  });
  const std::string line = "PUB " + std::string(address) + "\n" + std::string(64, 'b');
  const auto start = now_ns();
  for (long i = 0; i < publishes; ++i) publisher.send(line);
  reader.join();
  report("N2", "subs=" + std::to_string(subscribers) + " size=64",
         static_cast<double>(publishes * subscribers) / seconds_between(start, end), "deliveries/s",
         arguments.text("--peer", "backstage"));
  std::_Exit(0);
}
