/// What the trial child takes from itself before it runs code that nobody knows.
#pragma once
#include <chrono>
#include <cstdint>

namespace backstage::plugin_host {

/// Limits of the trial child, on the safe side of what loading a plugin needs.
struct Confinement {
  /// Above the gate's mapped_bytes_max with room for the daemon's own binary. Not under sanitizers,
  /// whose shadow memory takes terabytes of addresses.
  std::uint64_t address_space_bytes = 2ULL << 30U;
  std::uint64_t file_bytes = 1ULL << 20U;
  std::uint64_t descriptors = 256;
  /// Of all its threads together; the daemon's deadline is by the clock on the wall.
  std::chrono::seconds cpu_time{10};
};

/// Limits this process, for good: no core file, no new privileges, no network sockets, no leaving
/// of the process group (so that the daemon can end all that a plugin starts). There is no limit on
/// the number of processes: the system counts them by user, so it would hit plugins for what the
/// daemon and others do. What the system does not offer is left out without a word: a container may
/// be stricter than this already. [main]
void confine(const Confinement& limits) noexcept;

}  // namespace backstage::plugin_host
