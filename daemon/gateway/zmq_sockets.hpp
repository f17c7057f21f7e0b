/// ZmqSockets: the daemon's sockets with all their options, made and bound.
///
/// The options are the protocol's (reference: PROTOCOL.md section 1) and libzmq 4.3.4's hazards;
/// each has its reason beside it in zmq_sockets.cpp.
#pragma once
#include <chrono>
#include <optional>
#include <vector>

#include "daemon/gateway/ipc_listener.hpp"
#include "daemon/gateway/options.hpp"
#include "daemon/gateway/zmq_monitor.hpp"
#include "daemon/gateway/zmq_socket.hpp"

namespace backstage::gateway {

class ZmqSockets {
 public:
  /// Makes all of them, or throws std::system_error.
  explicit ZmqSockets(const Options& options);
  /// Errors: as a StartError; destroy this object then, and nothing is left. [main]
  [[nodiscard]] std::optional<StartError> bind(const Options& options);
  /// How long the destructor may wait for what the peers have not taken yet.
  void set_linger(std::chrono::milliseconds linger);

  [[nodiscard]] const BoundEndpoints& bound() const noexcept { return bound_; }

 private:
  [[nodiscard]] std::optional<StartError> bind_one(ZmqSocket& socket, const Endpoint& endpoint,
                                                   const Options& options,
                                                   std::vector<std::string>& bound);
  BoundEndpoints bound_;
  // Destroyed in reverse: the monitor and the sockets before their context, the paths at the end.
  std::vector<IpcListener> listeners_;
  ZmqContext context_;

 public:
  ZmqSocket cmd;
  ZmqMonitor cmd_monitor;
  std::optional<ZmqSocket> pub;
  std::optional<ZmqSocket> ingest;
};

}  // namespace backstage::gateway
