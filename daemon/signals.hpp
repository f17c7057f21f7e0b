/// Signals: SIGTERM, SIGINT and SIGHUP, taken by the main thread where it waits: no handler runs.
#pragma once
#include <chrono>
#include <cstdint>

namespace backstage::daemon {

enum class Intent : std::uint8_t {
  none,    ///< the time is over and nobody asked for anything
  stop,    ///< SIGTERM or SIGINT
  reload,  ///< SIGHUP
};

/// Blocks the signals it takes, for this thread and all made after it, and ignores SIGPIPE and
/// SIGXFSZ, which would end the process for a reader who left or a full disk. [main]
class Signals {
 public:
  Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  /// Waits for the next. [main]
  [[nodiscard]] Intent wait();
  /// The same for at most `time`. [main]
  [[nodiscard]] Intent wait_for(std::chrono::milliseconds time);
};

}  // namespace backstage::daemon
