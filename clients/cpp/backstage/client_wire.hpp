/// One ZeroMQ connection of the C++ client: made once, and told of its end. No reconnecting here.
#pragma once
#include <cstring>
#include <zmq.hpp>

#include "client_protocol.hpp"

namespace backstage::client {

class wire final {
 public:
  ~wire() { close(); }
  /// Begins to connect. Throws zmq::error_t for a wrong endpoint, or wrong keys.
  void open(const std::string& endpoint, const curve_keys& curve) {
    close();
    socket_ = zmq::socket_t(context_, zmq::socket_type::dealer);
    socket_.set(zmq::sockopt::linger, 0);
    // What libzmq sends by itself on a connection it made anew would reach another session. It
    // tries again long after we have seen the end of the first.
    constexpr int never_ms = 3'600'000;
    socket_.set(zmq::sockopt::reconnect_ivl, never_ms);
    if (!curve.server.empty()) {
      socket_.set(zmq::sockopt::curve_serverkey, curve.server);
      socket_.set(zmq::sockopt::curve_publickey, curve.own_public);
      socket_.set(zmq::sockopt::curve_secretkey, curve.own_secret);
    }
    const auto events = "inproc://events-" + std::to_string(++opened_);
    constexpr int ends = ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED;
    zmq_socket_monitor(socket_.handle(), events.c_str(), ends);
    monitor_ = zmq::socket_t(context_, zmq::socket_type::pair);
    monitor_.connect(events);
    socket_.connect(endpoint);
  }
  void close() noexcept {
    // Told first: libzmq's own thread would wait for ever to tell a socket that is closed.
    if (socket_.handle() != nullptr) zmq_socket_monitor(socket_.handle(), nullptr, 0);
    monitor_.close();
    socket_.close();
  }
  /// Waits for something to read, or an end; with `to_write` also until that is possible. Without a
  /// connection it only waits. A signal ends it.
  void wait(milliseconds most, bool to_write) {
    const auto events = static_cast<short>(to_write ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN);
    zmq_pollitem_t items[] = {{monitor_.handle(), 0, ZMQ_POLLIN, 0},
                              {socket_.handle(), 0, events, 0}};
    zmq_poll(items, socket_.handle() == nullptr ? 0 : 2, std::max<long>(0, most.count()));
  }
  /// False: not now, and nothing of it is sent.
  bool push(std::string line, std::string_view payload = {}) {
    if (!payload.empty()) line.append(1, '\n').append(payload);
    zmq::message_t frame(line);
    return zmq_msg_send(frame.handle(), socket_.handle(), ZMQ_DONTWAIT) >= 0;
  }
  std::optional<reply> receive() {
    zmq::message_t first, second;
    if (zmq_msg_recv(first.handle(), socket_.handle(), ZMQ_DONTWAIT) < 0) return std::nullopt;
    if (!first.more()) return split(first.to_string_view());
    zmq_msg_recv(second.handle(), socket_.handle(), ZMQ_DONTWAIT);
    return reply{first.to_string(), second.to_string()};
  }
  /// ZMQ_EVENT_DISCONNECTED when the connection has ended, ZMQ_EVENT_CONNECT_RETRIED when it was
  /// never made, else 0. What came before can still be received.
  int ended() {
    std::uint16_t first = 0, next = 0;
    zmq::message_t event, address;
    while (zmq_msg_recv(event.handle(), monitor_.handle(), ZMQ_DONTWAIT) >= 0) {
      zmq_msg_recv(address.handle(), monitor_.handle(), ZMQ_DONTWAIT);
      std::memcpy(&next, event.data(), sizeof next);
      if (first == 0) first = next;
    }
    return first;
  }

 private:
  // Sockets go before their context.
  zmq::context_t context_{1};
  zmq::socket_t socket_{}, monitor_{};
  std::uint64_t opened_ = 0;
};

}  // namespace backstage::client
