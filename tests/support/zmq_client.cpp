// ZmqClient's longer parts.
#include "tests/support/zmq_client.hpp"

#include <stdexcept>

namespace backstage::test {
namespace {

void check(int result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string(what) + ": " + zmq_strerror(errno));
}

}  // namespace

ZmqClient::ZmqClient(Context& context, int type) : socket_(zmq_socket(context.get(), type)) {
  if (socket_ == nullptr) throw std::runtime_error("zmq_socket");
  set(ZMQ_LINGER, 0);
}

void ZmqClient::set(int option, const std::string& value) {
  check(zmq_setsockopt(socket_, option, value.data(), value.size()), "zmq_setsockopt");
}

void ZmqClient::set(int option, int value) {
  check(zmq_setsockopt(socket_, option, &value, sizeof value), "zmq_setsockopt");
}

void ZmqClient::connect(const std::string& endpoint) {
  check(zmq_connect(socket_, endpoint.c_str()), "zmq_connect");
}

bool ZmqClient::say_all(const std::vector<std::string>& frames) {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const int more = i + 1 < frames.size() ? ZMQ_SNDMORE : 0;
    if (zmq_send(socket_, frames[i].data(), frames[i].size(), more | ZMQ_DONTWAIT) < 0) {
      if (errno == EAGAIN) return false;
      check(-1, "zmq_send");
    }
  }
  return true;
}

std::optional<std::string> ZmqClient::hear(std::chrono::milliseconds patience) {
  set(ZMQ_RCVTIMEO, static_cast<int>(patience.count()));
  std::string all;
  int more = 1;
  for (bool is_first = true; more != 0; is_first = false) {
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    if (zmq_msg_recv(&frame, socket_, 0) < 0) {
      zmq_msg_close(&frame);
      return std::nullopt;
    }
    if (!is_first) all.push_back('\n');
    all.append(static_cast<const char*>(zmq_msg_data(&frame)), zmq_msg_size(&frame));
    more = zmq_msg_more(&frame);
    zmq_msg_close(&frame);
  }
  return all;
}

void ZmqClient::close() {
  if (socket_ != nullptr) zmq_close(socket_);
  socket_ = nullptr;
}

}  // namespace backstage::test
