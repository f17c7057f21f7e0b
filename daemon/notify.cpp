// One datagram to the service manager's socket.
#include "daemon/notify.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

namespace backstage::daemon {
namespace {

Notified notify_with(std::string_view head, std::string_view status) {
  std::string state{head};
  const auto text_begin = static_cast<std::ptrdiff_t>(state.append("STATUS=").size());
  state += status;
  std::replace_if(
      state.begin() + text_begin, state.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return notify(state + '\n');
}

}  // namespace

Notified notify(std::string_view state, const char* socket) {
  if (socket == nullptr || *socket == '\0') return Notified::nobody_asked;
  const std::string_view name{socket};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if ((name[0] != '/' && name[0] != '@') || name.size() >= sizeof(address.sun_path)) {
    errno = EINVAL;
    return Notified::failed;
  }
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Notified::failed;
  // A manager that does not read must not stop us, hence MSG_DONTWAIT.
  const auto sent = ::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                             reinterpret_cast<const sockaddr*>(&address), length);
  const int error = errno;
  ::close(fd);
  errno = error;
  return sent == static_cast<ssize_t>(state.size()) ? Notified::sent : Notified::failed;
}

Notified notify(std::string_view state) { return notify(state, std::getenv("NOTIFY_SOCKET")); }

Notified notify_ready(std::string_view status) { return notify_with("READY=1\n", status); }
Notified notify_stopping(std::string_view status) { return notify_with("STOPPING=1\n", status); }
Notified notify_watchdog() { return notify("WATCHDOG=1\n"); }
Notified notify_status(std::string_view status) { return notify_with("", status); }

}  // namespace backstage::daemon
