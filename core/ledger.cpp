#include "core/ledger.hpp"

namespace backstage {

std::string_view token(DropCause cause) noexcept {
  static constexpr std::array<std::string_view, drop_cause_count> tokens{
      "newest", "oldest", "conflated", "expired",   "late",
      "slow",   "ended",  "failed",    "cancelled", "shed"};
  return tokens[static_cast<std::size_t>(cause)];
}

Ledger& Ledger::operator+=(const Ledger& other) noexcept {
  accepted += other.accepted;
  handled += other.handled;
  running += other.running;
  queued += other.queued;
  queued_bytes += other.queued_bytes;
  dead_lettered += other.dead_lettered;
  // Most actors lose and refuse nothing, and each one that ends is added up.
  if (other.dropped != decltype(dropped){}) {
    for (std::size_t i = 0; i < dropped.size(); ++i) dropped[i] += other.dropped[i];
  }
  if (other.refused != decltype(refused){}) {
    for (std::size_t i = 0; i < refused.size(); ++i) refused[i] += other.refused[i];
  }
  return *this;
}

}  // namespace backstage
