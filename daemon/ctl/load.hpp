/// Load: messages to a running daemon at a fixed rate, and what became of each. The latency of a
/// message counts from the moment it was due, not from when it went out: what a stall held up is
/// late by the stall, too (no coordinated omission).
#pragma once
#include <atomic>
#include <map>
#include <string>

#include "daemon/ctl/histogram.hpp"
#include "daemon/ctl/traffic.hpp"

namespace backstage::ctl {

using LoadClock = std::chrono::steady_clock;

/// What a subscriber with a session and a thread of its own sees of one run's messages.
struct Heard {
  Histogram latency{};
  std::uint64_t messages = 0;
  std::uint64_t gaps = 0;
  std::uint64_t lost = 0;  ///< in gaps
};

struct LoadResult {
  double rate = 0;        ///< as asked for, or the default; 0: as fast as it goes
  std::uint64_t due = 0;  ///< messages that the rate asked for in the time
  std::uint64_t sent = 0;
  std::uint64_t taken = 0;  ///< answered without an error
  std::uint64_t unanswered = 0;
  std::map<std::string, std::uint64_t> refused{};  ///< by "429 mailbox_full"
  int exit = 0;                                    ///< what the worst of the refusals means
  std::chrono::nanoseconds took{0};
  Histogram latency{};  ///< until the daemon's answer
  Heard heard{};        ///< of pub
};

/// Runs a load to its end, or to Ctrl-C, and waits for what is under way. Faults: those of
/// open_session; CTL-303 when the first message, which is not counted, is refused. [main]
[[nodiscard]] Outcome<LoadResult> run_load(const Options& options);

}  // namespace backstage::ctl
