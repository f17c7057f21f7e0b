/// ZmtpListeners: the listening sockets of those endpoints where the daemon speaks ZMTP itself.
#pragma once
#include <optional>
#include <vector>

#include "daemon/transport/connections.hpp"
#include "daemon/transport/ipc_listener.hpp"
#include "daemon/transport/options.hpp"

namespace backstage::transport {

struct ZmtpListener {
  int fd = -1;  ///< non-blocking
  Door door = Door::cmd;
};

class ZmtpListeners {
 public:
  ZmtpListeners() = default;
  ZmtpListeners(const ZmtpListeners&) = delete;
  ZmtpListeners& operator=(const ZmtpListeners&) = delete;
  /// Closes them all.
  ~ZmtpListeners();

  /// As ZmqSockets::bind, of the other endpoints. [main]
  [[nodiscard]] std::optional<StartError> bind(const Options& options, ConnectionTables& tables,
                                               BoundEndpoints& bound);
  [[nodiscard]] const std::vector<ZmtpListener>& all() const noexcept { return all_; }

 private:
  [[nodiscard]] std::optional<StartError> bind_one(Door door, const Endpoint& endpoint,
                                                   ConnectionTables& tables, std::string& bound);
  std::vector<IpcListener> paths_;
  std::vector<ZmtpListener> all_;
};

}  // namespace backstage::transport
