/// Ledger: the counters that account for every message.
///
/// The unit is one delivery: one envelope into one mailbox. At any quiet moment, per actor and in
/// total:   accepted = handled + running + queued + dropped{...} + dead_lettered
/// A refusal was never accepted and is counted in refused{reason}. Loss notes (gap) and barriers
/// are the mailbox's own and are not counted.
#pragma once
#include <array>
#include <cstdint>
#include <numeric>
#include <string_view>

#include "core/values/errc.hpp"

namespace backstage {

enum class DropCause : std::uint8_t {
  newest,     ///< arrived at a full mailbox, drop_newest
  oldest,     ///< made room, drop_oldest
  conflated,  ///< a newer publish of the same address took its place
  expired,    ///< a request whose deadline passed before its turn
  late,       ///< a reply or timer nobody waits for any more
  slow,       ///< lost with a session that could not keep up
  ended,      ///< timers, replies, notices (and a client's publishes) left when the actor ended
  failed,     ///< a timer, reply or notice whose handler failed
  cancelled,  ///< a request whose asker ended before its turn
  shed,       ///< given up for the memory of all clients together
};
inline constexpr std::size_t drop_cause_count = 10;
[[nodiscard]] std::string_view token(DropCause cause) noexcept;

struct Ledger {
  std::uint64_t accepted = 0;
  std::uint64_t handled = 0;
  std::uint64_t running = 0;
  std::uint64_t queued = 0;
  std::uint64_t queued_bytes = 0;
  std::uint64_t dead_lettered = 0;
  std::array<std::uint64_t, drop_cause_count> dropped{};
  std::array<std::uint64_t, errc_count> refused{};

  [[nodiscard]] std::uint64_t dropped_total() const noexcept {
    return std::accumulate(dropped.begin(), dropped.end(), std::uint64_t{0});
  }
  [[nodiscard]] std::uint64_t refused_total() const noexcept {
    return std::accumulate(refused.begin(), refused.end(), std::uint64_t{0});
  }
  /// Exact when nothing moves; while messages move it may be off by those in flight.
  [[nodiscard]] bool is_balanced() const noexcept {
    return accepted == handled + running + queued + dropped_total() + dead_lettered;
  }
  Ledger& operator+=(const Ledger& other) noexcept;
};

}  // namespace backstage
