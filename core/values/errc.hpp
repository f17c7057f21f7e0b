/// Every way a call into the engine can fail: one enumerator, one stable token, one sentence.
#pragma once
#include <cstdint>
#include <string_view>

namespace backstage {

/// Values are stable within one process only; the token is stable for ever (wire, logs, docs).
enum class Errc : std::uint8_t {
  no_actor,          ///< no actor of that name, and no activation rule makes one
  mailbox_full,      ///< the target's mailbox has no room and its policy is to refuse
  stopping,          ///< the target, or the whole engine, is stopping and takes no new mail
  parked,            ///< the target failed too often and waits for an operator
  timeout,           ///< no reply arrived before the request's deadline
  actor_failed,      ///< the target failed, or ended, before it replied
  name_in_use,       ///< another actor or session holds the name
  type_mismatch,     ///< an actor of that name exists, of another type
  no_type,           ///< no such actor type is registered
  bad_name,          ///< an actor, topic or type name that the grammar does not allow
  bad_addr,          ///< an address or pattern that the grammar does not allow
  bad_arg,           ///< an argument out of its documented range
  reserved_name,     ///< names beginning with '$' belong to the daemon
  too_large,         ///< payload over payload_bytes_max
  no_value,          ///< the address has no retained value
  no_sub,            ///< no such subscription
  no_request,        ///< a reply to a request that does not exist, is over, or was answered
  no_timer,          ///< no such timer: never set, fired, or cancelled
  retained_full,     ///< the budget for retained values is used up
  topics_full,       ///< topics_max addresses exist already
  subs_full,         ///< the subscriber has subscriptions_per_actor_max already
  timers_full,       ///< the actor has timers_per_actor_max already
  requests_full,     ///< the requester has requests_per_actor_max open already
  actors_full,       ///< actors_max actors exist already
  threads_full,      ///< as many pinned actors live as may: each has a thread of its own
  activation_limit,  ///< the activation rule's `max` is reached
  slow_consumer,     ///< the receiver cannot keep up and its session was ended
  call_cycle,        ///< the request would wait for one that waits for it, or is nested too deep
  no_memory,         ///< the daemon has no memory for one more message
  unsupported,       ///< known, but not offered by this build or this target
};
inline constexpr std::size_t errc_count = static_cast<std::size_t>(Errc::unsupported) + 1;

/// The stable token: `no_actor`. [any]
[[nodiscard]] std::string_view token(Errc code) noexcept;
/// What happened, as one sentence for people. [any]
[[nodiscard]] std::string_view sentence(Errc code) noexcept;

}  // namespace backstage
