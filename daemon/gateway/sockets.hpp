/// Sockets: every listener of the daemon, of all transports, made and bound.
#pragma once
#include <chrono>
#include <optional>

#include "daemon/gateway/connections.hpp"
#include "daemon/gateway/zmq_sockets.hpp"
#include "daemon/gateway/zmtp_listeners.hpp"

namespace backstage::gateway {

class Sockets {
 public:
  /// Makes those that are needed, or throws std::system_error.
  Sockets(const Options& options, Principals& principals);
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

}  // namespace backstage::gateway
