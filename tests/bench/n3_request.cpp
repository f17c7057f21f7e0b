// N3: request to an actor and back, 64 bytes in one frame: one outstanding, then `window` of them.
#include <zmq.h>

#include <cstdlib>

#include "tests/bench/bench.hpp"

using namespace backstage::bench;

namespace {

void ask(void* socket, std::uint64_t id, const std::string& body) {
  const std::string line = "REQ echo id=" + std::to_string(id) + "\n" + body;
  if (::zmq_send(socket, line.data(), line.size(), 0) < 0) std::exit(1);
}

void take_reply(void* socket) {
  char line[256];
  const int size = ::zmq_recv(socket, line, sizeof line, 0);
  if (size < 4 + 64 || std::string_view(line, 4) != "REP ") std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments{argc, argv};
  const long samples = arguments.number("--n", 20'000);
  const long window = arguments.number("--window", 64);
  const long total = arguments.number("--total", 300'000);
  void* socket = ::zmq_socket(::zmq_ctx_new(), ZMQ_DEALER);
  const int none = 0;
  (void)::zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
  const std::string endpoint = "tcp://127.0.0.1:" + arguments.text("--port", "15600");
  if (::zmq_connect(socket, endpoint.c_str()) != 0) return 1;
  // One frame each way, as the router's echo has it.
  const std::string_view hello = "HELLO v=1 frames=1";
  char welcome[512];
  if (::zmq_send(socket, hello.data(), hello.size(), 0) < 0) return 1;
  if (::zmq_recv(socket, welcome, sizeof welcome, 0) < 0) return 1;
  const std::string body(64, 'e');
  std::uint64_t id = 0;
  const auto one = [&] {
    ask(socket, ++id, body);
    take_reply(socket);
  };
  for (long i = 0; i < samples / 10; ++i) one();
  std::vector<std::uint64_t> times(static_cast<std::size_t>(samples));
  for (auto& time : times) {
    const auto start = now_ns();
    one();
    time = now_ns() - start;
  }
  struct Row {
    const char* name;
    double percent;
  };
  for (const Row row : {Row{"N3.p50", 50.0}, Row{"N3.p99", 99.0}, Row{"N3.p99.9", 99.9}}) {
    report(row.name, "outstanding=1", percentile(times, row.percent) / 1000.0, "us");
  }
  const auto start = now_ns();
  for (long i = 0; i < window; ++i) ask(socket, ++id, body);
  for (long i = 0; i < total; ++i) {
    take_reply(socket);
    if (i + window < total) ask(socket, ++id, body);
  }
  report("N3.rate", "outstanding=" + std::to_string(window),
         static_cast<double>(total) / seconds_since(start), "req/s");
  std::_Exit(0);
}
