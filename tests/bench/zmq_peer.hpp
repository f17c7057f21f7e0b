// A libzmq socket of a benchmark: without high-water marks, as the peers' programs have theirs.
#pragma once
#include <zmq.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>

#include "tests/bench/bench.hpp"
#include "tests/bench/give_up.hpp"

namespace backstage::bench {

/// A directory with server.key, client.key and client.key_secret, as `backstagectl keygen` writes
/// them: their second line. Empty: no encryption.
inline void use_keys(void* socket, const std::string& directory) {
  if (directory.empty()) return;
  const auto set = [&](int option, const std::string& name) {
    std::ifstream file(directory + "/" + name);
    std::string line;
    while (std::getline(file, line) && line.starts_with('#')) {
    }
    if (::zmq_setsockopt(socket, option, line.c_str(), line.size()) != 0) {
      give_up(directory + "/" + name, "no key", "backstagectl keygen makes one");
    }
  };
  set(ZMQ_CURVE_SERVERKEY, "server.key");
  set(ZMQ_CURVE_PUBLICKEY, "client.key");
  set(ZMQ_CURVE_SECRETKEY, "client.key_secret");
}

class ZmqPeer {
 public:
  /// A context of its own: a process's worth of libzmq.
  ZmqPeer(int type, long port, const std::string& keys = {})
      : socket_(::zmq_socket(::zmq_ctx_new(), type)) {
    use_keys(socket_, keys);
    const int none = 0;
    for (const int option : {ZMQ_SNDHWM, ZMQ_RCVHWM, ZMQ_LINGER}) {
      (void)::zmq_setsockopt(socket_, option, &none, sizeof none);
    }
    const std::string endpoint = "tcp://127.0.0.1:" + std::to_string(port);
    if (::zmq_connect(socket_, endpoint.c_str()) != 0) {
      give_up(endpoint, ::zmq_strerror(::zmq_errno()), "name the broker's --port");
    }
  }
  void send(std::string_view bytes) {
    if (::zmq_send(socket_, bytes.data(), bytes.size(), 0) < 0) {
      give_up("a send", ::zmq_strerror(::zmq_errno()), "look at the broker's log");
    }
  }
  /// The beginning of its first frame; of the rest nothing.
  std::string_view receive() {
    const int size = ::zmq_recv(socket_, first_, sizeof first_, 0);
    if (size < 0) give_up("a receive", ::zmq_strerror(::zmq_errno()), "look at the broker's log");
    int more = 0;
    std::size_t length = sizeof more;
    (void)::zmq_getsockopt(socket_, ZMQ_RCVMORE, &more, &length);
    if (more != 0) (void)::zmq_recv(socket_, rest_, sizeof rest_, 0);
    return {first_, std::min(static_cast<std::size_t>(size), sizeof first_)};
  }
  /// Sends a line and takes its answer, which begins as it must.
  void ask(std::string_view line, std::string_view answer) {
    send(line);
    if (const auto got = receive(); !got.starts_with(answer)) {
      give_up(line, got, "is this the broker that the benchmark is for?");
    }
  }

 private:
  void* socket_;
  char first_[256];
  char rest_[256];
};

/// The lines of a BATCH's payload: `count` times `line`.
inline std::string batch_of(std::string_view line, long count) {
  std::string batch = "BATCH " + std::to_string(count) + "\n";
  const auto size = static_cast<std::uint32_t>(line.size());
  char prefix[sizeof size];
  std::memcpy(prefix, &size, sizeof size);  // little end first, as this machine has it
  for (long i = 0; i < count; ++i) batch.append(prefix, sizeof prefix).append(line);
  return batch;
}

}  // namespace backstage::bench
