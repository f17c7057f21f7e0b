/// CrashReporter: a fatal signal is told of, with its culprit, before it ends the process.
///
/// SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT: one line to the log's descriptor, one to the record
/// of crashes; then what would have happened without it happens: the process ends by that signal,
/// with its core dump. Its handler allocates nothing and takes no lock. A fault while it looks at
/// damaged memory costs what it was looking at; a second one ends the process at once.
#pragma once
#include "daemon/log/log.hpp"
#include "daemon/plugin_host/fd.hpp"

namespace backstage::crash {

class CrashReporter {
 public:
  /// Handles the signals from here on. `log` says in which format. At most one lives at a time; the
  /// constructing thread is admitted. [main] before other threads
  explicit CrashReporter(const log::Log& log, int fd = 2);
  /// Puts back the handlers it found.
  ~CrashReporter();
  CrashReporter(const CrashReporter&) = delete;
  CrashReporter& operator=(const CrashReporter&) = delete;

  /// From here on crashes are recorded there too. `record` is open for appending; once. [main]
  void record_to(plugin_host::Fd record) noexcept;

  /// Gives the calling thread a stack for the handler, which an overflow of its own leaves it
  /// without, and lets it take the signals whatever it was born with. A thread that is not admitted
  /// is told of too, but for stack overflows. Without memory for it, nothing changes. [any]
  static void admit_this_thread() noexcept;

 private:
  plugin_host::Fd record_;
};

}  // namespace backstage::crash
