/// ZmqSockets: the daemon's sockets with all their options, made and bound.
///
/// The options are the protocol's (reference: PROTOCOL.md section 1) and libzmq 4.3.4's hazards;
/// each has its reason beside it in zmq_sockets.cpp.
#pragma once
#include <chrono>
#include <optional>
#include <vector>

#include "daemon/transport/connections.hpp"
#include "daemon/transport/ipc_listener.hpp"
#include "daemon/transport/options.hpp"
#include "daemon/transport/zap_server.hpp"
#include "daemon/transport/zmq_monitor.hpp"
#include "daemon/transport/zmq_socket.hpp"

namespace backstage::transport {

class ZmqSockets {
 public:
  /// Makes all of them, or throws std::system_error. Who connects is asked of `principals`.
  ZmqSockets(const Options& options, const Limits& limits, Principals& principals);
  /// Binds those endpoints that are libzmq's, notes their listeners in `tables`, and writes their
  /// addresses, ports filled in, to their places in `bound`. First makes sure that strangers are
  /// refused, if any is CURVE. Errors: as a StartError; destroy this object then, and nothing is
  /// left. [main]
  [[nodiscard]] std::optional<StartError> bind(const Options& options, ConnectionTables& tables,
                                               BoundEndpoints& bound);
  /// How long the destructor may wait for what the peers have not taken yet.
  void set_linger(std::chrono::milliseconds linger);

 private:
  [[nodiscard]] std::optional<StartError> bind_door(Door door, ZmqSocket& socket,
                                                    ZmqMonitor& monitor, const Options& options,
                                                    ConnectionTables& tables,
                                                    BoundEndpoints& all_bound);
  [[nodiscard]] std::optional<StartError> bind_one(ZmqSocket& socket, const Endpoint& endpoint,
                                                   const Options& options, std::string& bound);
  static void note_listener(Door door, const Endpoint& endpoint, ZmqMonitor& monitor,
                            ConnectionTables& tables);
  // Destroyed in reverse: the monitor and the sockets before their context, the paths at the end.
  std::vector<IpcListener> listeners_;
  ZmqContext context_;

 public:
  /// Made before all others: who connects while it is not there is refused.
  ZapServer zap;
  ZmqSocket cmd;
  ZmqMonitor cmd_monitor;
  std::optional<ZmqSocket> pub;
  std::optional<ZmqMonitor> pub_monitor;
  std::optional<ZmqSocket> ingest;
  std::optional<ZmqMonitor> ingest_monitor;
};

}  // namespace backstage::transport
