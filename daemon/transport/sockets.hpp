/// Sockets: every listener of the daemon, of all transports, made and bound.
#pragma once
#include <chrono>
#include <optional>

#include "daemon/transport/connections.hpp"
#include "daemon/transport/zmq_sockets.hpp"
#include "daemon/transport/zmtp_listeners.hpp"

namespace backstage::transport {

class Sockets {
 public:
  /// Makes those that are needed, or throws std::system_error.
  Sockets(const Options& options, const Limits& limits, Principals& principals);
  /// Errors: as a StartError; destroy this object then, and nothing is left. [main]
  [[nodiscard]] std::optional<StartError> bind(const Options& options);
  [[nodiscard]] const BoundEndpoints& bound() const noexcept { return bound_; }

 private:
  BoundEndpoints bound_;

 public:
  std::optional<ZmqSockets> zmq;  ///< nothing: no endpoint is libzmq's
  ZmtpListeners zmtp;
  // Destroyed first: the gate is opened while its listeners are still there.
  ConnectionTables tables;
};

}  // namespace backstage::transport
