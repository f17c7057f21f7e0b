/// ZapServer: libzmq's authentication handler: says of each new connection who it is, or refuses
/// it.
///
/// Bound before any other socket. While nobody calls answer_one(), nobody gets in.
#pragma once
#include "daemon/policy/zap_check.hpp"
#include "daemon/transport/counters.hpp"
#include "daemon/transport/events.hpp"
#include "daemon/transport/principals.hpp"
#include "daemon/transport/zmq_socket.hpp"

namespace backstage::transport {

/// One thread at a time.
class ZapServer {
 public:
  /// Throws std::system_error.
  ZapServer(ZmqContext& context, Principals& principals);

  /// Answers the next question. False: there is none.
  [[nodiscard]] bool answer_one();
  /// From now on refusals are counted and told.
  void report_to(Counters& counters, Events& events) noexcept;
  [[nodiscard]] ZmqSocket& socket() noexcept { return socket_; }
  /// Connections refused, reported or not.
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }

  /// Has `socket` ask this handler about everybody who comes to an endpoint bound from now on, and
  /// let nobody in without its word. Throws std::system_error when libzmq cannot promise that.
  static void guard(ZmqSocket& socket, policy::Door door);

 private:
  [[nodiscard]] bool send(std::string_view frame, bool more);

  Principals& principals_;
  ZmqSocket socket_;
  Counters* counters_ = nullptr;
  Events* events_ = nullptr;
  std::uint64_t refused_ = 0;
};

}  // namespace backstage::transport
