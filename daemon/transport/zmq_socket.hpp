/// ZmqContext and ZmqSocket: libzmq's handles as objects, with every call retried on EINTR.
///
/// Failures to make or set up a socket throw std::system_error: they happen at start only.
#pragma once
#include <zmq.h>

#include <string>
#include <string_view>
#include <utility>

namespace backstage::transport {

/// The text of a libzmq or system error number.
[[nodiscard]] std::string zmq_text(int code);

class ZmqContext {
 public:
  explicit ZmqContext(unsigned io_threads);
  ZmqContext(const ZmqContext&) = delete;
  ZmqContext& operator=(const ZmqContext&) = delete;
  /// Waits for messages still to be sent, for as long as the sockets' linger says.
  ~ZmqContext();
  [[nodiscard]] void* get() const noexcept { return context_; }

 private:
  void* context_;
};

/// One thread at a time.
class ZmqSocket {
 public:
  ZmqSocket(ZmqContext& context, int type);
  ZmqSocket(ZmqSocket&& other) noexcept : socket_(std::exchange(other.socket_, nullptr)) {}
  ZmqSocket(const ZmqSocket&) = delete;
  ZmqSocket& operator=(const ZmqSocket&) = delete;
  ~ZmqSocket();

  void set(int option, int value);
  void set(int option, std::int64_t value);
  void set(int option, std::string_view value);
  /// False and errno: cannot bind.
  [[nodiscard]] bool bind(const std::string& endpoint) noexcept;
  /// The last endpoint bound, ports filled in.
  [[nodiscard]] std::string last_endpoint() const;
  /// Turns readable when something may have changed; only events() tells what. Not ours to close.
  [[nodiscard]] int readiness_fd() const;
  /// ZMQ_POLLIN, ZMQ_POLLOUT; handles what libzmq has pending for the socket.
  [[nodiscard]] int events() const noexcept;
  /// False and errno, EAGAIN if there is nothing.
  [[nodiscard]] bool receive(zmq_msg_t* message) noexcept;
  /// False and errno, EAGAIN if it would block. Takes the message if true.
  [[nodiscard]] bool send(zmq_msg_t* message, int flags) noexcept;
  [[nodiscard]] void* get() const noexcept { return socket_; }

 private:
  void set_raw(int option, const void* value, std::size_t size);
  void* socket_;
};

}  // namespace backstage::transport
