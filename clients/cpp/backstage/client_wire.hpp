/// One ZeroMQ connection of the C++ client: made once, and told of its end. No reconnecting here.
#pragma once
#include <cstring>
#include <zmq.hpp>

#include "client_protocol.hpp"

namespace backstage::client::detail {

class wire {
 public:
  /// Begins to connect. Throws zmq::error_t for a wrong endpoint, or wrong keys.
  void open(const std::string& endpoint, const curve_keys& curve) {
    close();
    socket_ = zmq::socket_t(context_, zmq::socket_type::dealer);
    socket_.set(zmq::sockopt::linger, 0);
    // Writable only once connected; and what an ended connection has not sent is given up.
    socket_.set(zmq::sockopt::immediate, true);
    // What libzmq sends by itself on a connection it made anew would reach another session. It
    // tries again long after we have seen the end of the first.
    socket_.set(zmq::sockopt::reconnect_ivl, never_ms);
    if (!curve.server.empty()) {
      socket_.set(zmq::sockopt::curve_serverkey, curve.server);
      socket_.set(zmq::sockopt::curve_publickey, curve.own_public);
      socket_.set(zmq::sockopt::curve_secretkey, curve.own_secret);
    }
    const auto events = "inproc://events-" + std::to_string(++opened_);
    zmq_socket_monitor(socket_.handle(), events.c_str(),
                       ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED |
                           ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                           ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    monitor_ = zmq::socket_t(context_, zmq::socket_type::pair);
    monitor_.set(zmq::sockopt::linger, 0);
    monitor_.connect(events);
    socket_.connect(endpoint);
  }
  void close() noexcept {
    // Told first: libzmq's own thread would wait for ever to tell a socket that is closed.
    if (is_open()) zmq_socket_monitor(socket_.handle(), nullptr, 0);
    monitor_.close();
    socket_.close();
  }
  [[nodiscard]] bool is_open() const noexcept { return socket_.handle() != nullptr; }

  /// Waits for something to read, or an end; or until it may be written to, which it tells then.
  /// Without a connection it only waits. A signal ends it.
  bool wait(milliseconds most, bool to_write) {
    zmq_pollitem_t items[2] = {{monitor_.handle(), 0, ZMQ_POLLIN, 0},
                               {socket_.handle(), 0, ZMQ_POLLIN, 0}};
    if (to_write) items[1].events |= ZMQ_POLLOUT;
    zmq_poll(items, is_open() ? 2 : 0, std::max<long>(0, most.count()));
    return (items[1].revents & ZMQ_POLLOUT) != 0;
  }
  /// False: not now, and nothing of it is sent.
  bool push(std::string_view line, std::string_view payload) {
    // The daemon takes a large payload over uncopied, if it is a frame of its own; small ones are
    // half the work in one frame.
    const bool is_split = payload.size() >= own_frame_bytes;
    const bool has_lf = !is_split && !payload.empty();
    zmq::message_t first(line.size() + (has_lf ? 1 + payload.size() : 0));
    auto* at = first.data<char>();
    std::memcpy(at, line.data(), line.size());
    if (has_lf) {
      at[line.size()] = '\n';
      std::memcpy(at + line.size() + 1, payload.data(), payload.size());
    }
    const int flags = ZMQ_DONTWAIT | (is_split ? ZMQ_SNDMORE : 0);
    if (zmq_msg_send(first.handle(), socket_.handle(), flags) < 0) return false;
    if (!is_split) return true;
    zmq::message_t second(payload.data(), payload.size());
    // Of a message that has begun ZeroMQ takes the rest.
    return zmq_msg_send(second.handle(), socket_.handle(), ZMQ_DONTWAIT) >= 0;
  }
  /// Gives one message to `handle(piece)`, if one is there.
  template <class Handle>
  bool receive(Handle handle) {
    return receive_from(socket_, handle);
  }
  template <class Handle>
  static bool receive_from(zmq::socket_t& socket, Handle handle) {
    zmq::message_t first, second, more;
    if (zmq_msg_recv(first.handle(), socket.handle(), ZMQ_DONTWAIT) < 0) return false;
    if (!first.more()) return handle(split(first.to_string_view())), true;
    zmq_msg_recv(second.handle(), socket.handle(), ZMQ_DONTWAIT);
    for (bool is_more = second.more(); is_more; is_more = more.more()) {
      zmq_msg_recv(more.handle(), socket.handle(), ZMQ_DONTWAIT);
    }
    return handle(piece{first.to_string_view(), second.to_string_view()}), true;
  }
  /// Why the connection has ended or was never made, if so. What came before can still be received.
  std::optional<std::string> ended() {
    std::optional<std::string> why;
    zmq::message_t event, address;
    while (is_open() && zmq_msg_recv(event.handle(), monitor_.handle(), ZMQ_DONTWAIT) >= 0) {
      zmq_msg_recv(address.handle(), monitor_.handle(), ZMQ_DONTWAIT);
      std::uint16_t kind = 0;
      std::memcpy(&kind, event.data(), sizeof kind);
      if (kind == ZMQ_EVENT_CONNECT_RETRIED) {
        why = "nobody listens at ";
      } else if (kind == ZMQ_EVENT_DISCONNECTED) {
        if (!why) why = "the connection broke: ";
      } else {
        why = kind == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH
                  ? "this client's key is not accepted at "
                  : "other keys, or something other than ZeroMQ, is at ";
      }
    }
    return why;
  }

 private:
  static constexpr int never_ms = 3'600'000;
  static constexpr std::size_t own_frame_bytes = 4'096;

  // Sockets go before their context.
  zmq::context_t context_{1};
  zmq::socket_t socket_{}, monitor_{};
  std::uint64_t opened_ = 0;
};

}  // namespace backstage::client::detail
