/// Telling the service manager how we are: sd_notify(3) in one datagram, without libsystemd.
#pragma once
#include <cstdint>
#include <string_view>

namespace backstage::daemon {

enum class Notified : std::uint8_t {
  sent,
  nobody_asked,  ///< no $NOTIFY_SOCKET: not started by a service manager
  failed,        ///< errno says why; the daemon goes on
};

/// Sends `state`, lines of NAME=value, to `socket`: an absolute path, or '@' and an abstract name.
/// Null or empty: nobody_asked. Never waits. [any]
[[nodiscard]] Notified notify(std::string_view state, const char* socket);
/// The same to $NOTIFY_SOCKET. [main]
[[nodiscard]] Notified notify(std::string_view state);

/// "READY=1\nSTATUS=<status>\n"; line ends within `status` become spaces. [main]
[[nodiscard]] Notified notify_ready(std::string_view status);
/// "STOPPING=1\nSTATUS=<status>\n". [main]
[[nodiscard]] Notified notify_stopping(std::string_view status);
/// "WATCHDOG=1\n": feeds the manager's watchdog. [main]
[[nodiscard]] Notified notify_watchdog();
/// "STATUS=<status>\n". [main]
[[nodiscard]] Notified notify_status(std::string_view status);

}  // namespace backstage::daemon
