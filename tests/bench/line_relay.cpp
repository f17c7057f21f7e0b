// line_relay: a libzmq ROUTER that relays what is published and writes our control line for it: the
// gateway with nothing behind it, the limit for N1 and N2 by single messages.
#include <zmq.h>

#include <charconv>
#include <string>
#include <vector>

#include "tests/bench/bench.hpp"
#include "tests/bench/give_up.hpp"

using namespace backstage::bench;

namespace {

std::string_view text_of(zmq_msg_t& message) {
  return {static_cast<const char*>(::zmq_msg_data(&message)), ::zmq_msg_size(&message)};
}

class Relay {
 public:
  explicit Relay(void* router) : router_(router) {}

  void serve_one() {
    zmq_msg_t peer;
    zmq_msg_t body;
    (void)::zmq_msg_init(&peer);
    (void)::zmq_msg_init(&body);
    if (::zmq_msg_recv(&peer, router_, 0) < 0 || ::zmq_msg_recv(&body, router_, 0) < 0) {
      give_up("line_relay", ::zmq_strerror(::zmq_errno()), "start it again");
    }
    const std::string_view line = text_of(body);
    if (line.starts_with("HELLO ")) {
      is_one_frame_ = line.find(" frames=1") != line.npos;
      send(text_of(peer), "WELCOME v=1", {});
    } else if (line.starts_with("SUB ")) {
      subscribers_.emplace_back(text_of(peer));
      send(subscribers_.back(), "OK 1 sub=1 seq=0", {});
    } else if (const auto end = line.find('\n'); line.starts_with("PUB ") && end != line.npos) {
      relay(line.substr(4, end - 4), line.substr(end + 1));
    }
    (void)::zmq_msg_close(&peer);
    (void)::zmq_msg_close(&body);
  }

 private:
  void relay(std::string_view address, std::string_view payload) {
    char digits[20];
    const auto [last, failed] = std::to_chars(digits, digits + sizeof digits, ++seq_);
    line_.assign("MSG 1 ").append(address).append(1, ' ');
    line_.append(digits, last).append(" client.1");
    if (is_one_frame_) line_.append(1, '\n').append(payload);
    for (const auto& subscriber : subscribers_) {
      send(subscriber, line_, is_one_frame_ ? std::string_view{} : payload);
    }
  }
  void send(std::string_view peer, std::string_view line, std::string_view payload) {
    (void)::zmq_send(router_, peer.data(), peer.size(), ZMQ_SNDMORE);
    (void)::zmq_send(router_, line.data(), line.size(), payload.empty() ? 0 : ZMQ_SNDMORE);
    if (!payload.empty()) (void)::zmq_send(router_, payload.data(), payload.size(), 0);
  }

  void* router_;
  std::vector<std::string> subscribers_;
  bool is_one_frame_ = false;  // what the last HELLO wished for holds for all
  std::uint64_t seq_ = 0;
  std::string line_;
};

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments{argc, argv};
  void* router = ::zmq_socket(::zmq_ctx_new(), ZMQ_ROUTER);
  const int none = 0;
  const int backlog = 4096;
  (void)::zmq_setsockopt(router, ZMQ_SNDHWM, &none, sizeof none);
  (void)::zmq_setsockopt(router, ZMQ_RCVHWM, &none, sizeof none);
  (void)::zmq_setsockopt(router, ZMQ_BACKLOG, &backlog, sizeof backlog);
  const std::string endpoint = "tcp://127.0.0.1:" + arguments.text("--port", "15630");
  if (::zmq_bind(router, endpoint.c_str()) != 0) {
    give_up(endpoint, ::zmq_strerror(::zmq_errno()), "choose another --port");
  }
  for (Relay relay(router);;) relay.serve_one();
}
