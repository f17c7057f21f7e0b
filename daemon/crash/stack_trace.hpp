/// StackTracer: where another thread is at this moment, by interrupting it with a signal.
///
/// The thread's handler unwinds into memory that was there before, and does nothing else; names
/// are looked up afterwards, by whoever asked (Symbols). The signal is SA_RESTART: the thread's
/// system calls go on, but for those that never do, see signal(7): they end with EINTR, once a
/// trace.
#pragma once
#include <pthread.h>

#include <chrono>
#include <expected>
#include <string>
#include <vector>

namespace backstage::crash {

class StackTracer {
 public:
  static constexpr int frames_max = 64;

  /// Takes a real-time signal of the process. One at a time. [main]
  StackTracer();
  /// Ignores the signal from then on.
  ~StackTracer();
  StackTracer(const StackTracer&) = delete;
  StackTracer& operator=(const StackTracer&) = delete;

  /// Lets the calling thread be traced, whatever signals it was born with blocked. [any]
  static void admit_this_thread() noexcept;

  /// Program counters, the innermost first; each but the first is a return address. `thread` must
  /// not have been joined. Errors, a sentence: the thread did not take the signal within `within`
  /// (it blocks it, or sleeps in the kernel beyond signals). One caller at a time.
  [[nodiscard]] std::expected<std::vector<const void*>, std::string> capture(
      pthread_t thread, std::chrono::milliseconds within) const;
};

}  // namespace backstage::crash
