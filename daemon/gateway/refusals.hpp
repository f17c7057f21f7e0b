/// Refusals: counting what is refused, by its reason, and when to try again.
#pragma once
#include <cstdint>
#include <optional>

#include "daemon/gateway/counters.hpp"
#include "daemon/wire/status.hpp"

namespace backstage::gateway {

/// Milliseconds that a client should wait before it tries again, for `retry=`: of every 429 and
/// of the 503s that pass by themselves. Nothing for the others: a parked actor waits for people.
[[nodiscard]] std::optional<std::uint64_t> retry_hint(wire::Status status) noexcept;

/// Counts one refusal under the reason that `status` names.
void count_refusal(Counters& counters, wire::Status status) noexcept;

}  // namespace backstage::gateway
