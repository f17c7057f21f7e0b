/// Refusals: counting what is refused, by its reason.
#pragma once
#include "daemon/gateway/counters.hpp"
#include "daemon/wire/status.hpp"

namespace backstage::gateway {

/// How long a client should wait before it tries again; a full mailbox of a busy actor is emptied
/// in less.
inline constexpr std::uint64_t retry_hint_ms = 50;

/// Counts one refusal under the reason that `status` names.
void count_refusal(Counters& counters, wire::Status status) noexcept;

}  // namespace backstage::gateway
