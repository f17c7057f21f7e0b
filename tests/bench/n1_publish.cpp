// N1: publisher, daemon, subscriber over TCP, 64 bytes, single messages; until all have arrived.
#include <zmq.h>

#include <cstdlib>
#include <thread>

#include "tests/bench/bench.hpp"

using namespace backstage::bench;

namespace {

void* connected(void* context, const std::string& endpoint) {
  void* socket = ::zmq_socket(context, ZMQ_DEALER);
  const int none = 0;
  for (const int option : {ZMQ_SNDHWM, ZMQ_RCVHWM, ZMQ_LINGER}) {
    (void)::zmq_setsockopt(socket, option, &none, sizeof none);
  }
  if (::zmq_connect(socket, endpoint.c_str()) != 0) std::exit(1);
  return socket;
}

std::string receive(void* socket) {
  std::string line(256, '\0');
  const int size = ::zmq_recv(socket, line.data(), line.size(), 0);
  if (size < 0) std::exit(1);
  line.resize(static_cast<std::size_t>(size));
  int more = 0;
  std::size_t length = sizeof more;
  (void)::zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &length);
  char rest[256];
  if (more != 0 && ::zmq_recv(socket, rest, sizeof rest, 0) < 0) std::exit(1);
  return line;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments{argc, argv};
  const long messages = arguments.number("--n", 500'000);
  const std::string endpoint = "tcp://127.0.0.1:" + arguments.text("--port", "15600");
  // Two contexts: publisher and subscriber are two processes' worth of libzmq, as in the peers.
  void* sender = connected(::zmq_ctx_new(), endpoint);
  void* receiver = connected(::zmq_ctx_new(), endpoint);
  (void)::zmq_send(receiver, "SUB bench/n1 id=1", 17, 0);
  if (!receive(receiver).starts_with("OK 1")) return 1;
  std::uint64_t end = 0;
  std::thread reader([&] {
    for (long i = 0; i < messages; ++i) {
      if (!receive(receiver).starts_with("MSG ")) std::exit(1);
    }
    end = now_ns();
  });
  const std::string line = "PUB bench/n1\n" + std::string(64, 'b');
  const auto start = now_ns();
  for (long i = 0; i < messages; ++i) {
    if (::zmq_send(sender, line.data(), line.size(), 0) < 0) return 1;
  }
  reader.join();
  report("N1", "size=64 batch=1",
         static_cast<double>(messages) / (static_cast<double>(end - start) / 1e9), "msg/s");
  std::_Exit(0);
}
