/// IpcListener: a listening unix socket that nobody can take over, handed to libzmq.
///
/// libzmq itself unlinks whatever is at the path, so that a second daemon silently steals a live
/// address, and the mode follows the umask. Here a lock file says whose the path is; a socket left
/// behind by a crash is removed under the lock only.
#pragma once
#include <expected>
#include <string>

#include "daemon/transport/options.hpp"

namespace backstage::transport {

class IpcListener {
 public:
  /// Binds and listens. Errors: as a StartError, nothing left behind. [main]: sets the umask for a
  /// moment.
  [[nodiscard]] static std::expected<IpcListener, StartError> open(const Endpoint& endpoint);

  IpcListener(IpcListener&& other) noexcept;
  IpcListener& operator=(IpcListener&&) = delete;
  /// Unlinks the path, then the lock file, then gives up the lock.
  ~IpcListener();

  /// The descriptor, for who closes it. Once.
  [[nodiscard]] int release() noexcept;

 private:
  IpcListener(std::string path, int lock_fd) : path_(std::move(path)), lock_fd_(lock_fd) {}
  [[nodiscard]] int listen_at(const Endpoint& endpoint);

  std::string path_;
  int lock_fd_;
  int socket_fd_ = -1;
  bool is_bound_ = false;
};

}  // namespace backstage::transport
