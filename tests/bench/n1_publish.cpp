// N1: publisher, broker, subscriber over TCP, 64 bytes, until all have arrived: single messages, or
// --batch of them in a message, with deliveries batched as the daemon likes; encrypted with --keys.
#include <charconv>
#include <thread>

#include "tests/bench/zmq_peer.hpp"

using namespace backstage::bench;

namespace {

// `BATCH n` brings n messages, `MSG` one.
long messages_in(std::string_view line) {
  constexpr std::string_view batch = "BATCH ";
  long count = 1;
  if (line.starts_with(batch)) {
    line.remove_prefix(batch.size());
    (void)std::from_chars(line.data(), line.data() + line.size(), count);
  } else if (!line.starts_with("MSG ")) {
    give_up("a delivery", line, "look at the broker's log");
  }
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments{argc, argv};
  const long batch = arguments.number("--batch", 1);
  const long messages = arguments.number("--n", 500'000) / batch * batch;
  const long port = arguments.number("--port", 15600);
  const std::string keys = arguments.text("--keys", "");
  ZmqPeer sender(ZMQ_DEALER, port, keys);
  ZmqPeer receiver(ZMQ_DEALER, port, keys);
  if (batch > 1) receiver.ask("HELLO v=1 batch=1 frames=1", "WELCOME ");
  receiver.ask("SUB bench/n1 id=1", "OK 1");
  std::uint64_t end = 0;
  std::thread reader([&] {
    for (long got = 0; got < messages;) got += messages_in(receiver.receive());
    end = now_ns();
  });
  const std::string one = "PUB bench/n1\n" + std::string(64, 'b');
  const std::string line = batch > 1 ? batch_of(one, batch) : one;
  const auto start = now_ns();
  for (long sent = 0; sent < messages; sent += batch) sender.send(line);
  reader.join();
  report("N1", "size=64 batch=" + std::to_string(batch),
         static_cast<double>(messages) / seconds_between(start, end), "msg/s",
         arguments.text("--peer", "backstage"));
  std::_Exit(0);
}
