/// Planted bugs: mistakes the simulator must find. In every build but its own they do not exist.
///
/// A build with BACKSTAGE_PLANTED holds them all, and at run time at most one is on; each is a
/// mistake somebody could make in the line where it stands. `scripts/sim.sh --planted` proves that
/// the simulator's invariants see every one (the mutation check of reliability engineering).
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace backstage {

enum class Bug : std::uint8_t {
  none,
  window_never_slides,        ///< restarts are counted for ever, not within the period
  escalation_ignored,         ///< a supervisor over its budget goes on restarting
  rest_forgets_the_rest,      ///< rest_for_one restarts the failed child alone
  stops_oldest_first,         ///< children stop in start order
  retry_loses_message,        ///< a message to be retried is forgotten with the failed self
  retry_goes_last,            ///< a message to be retried goes behind the others
  restart_keeps_timers,       ///< timers of the failed self still reach the new one
  restart_keeps_asked,        ///< replies to the failed self still reach the new one
  restart_sleeps,             ///< mail queued during the back-off does not wake the new self
  failure_answers_nobody,     ///< open requests are forgotten, not answered, on a failure
  eviction_leaks_bytes,       ///< an evicted message's bytes stay booked
  conflation_uncounted,       ///< a conflated message is missing in the ledger
  data_evicts_control,        ///< drop_oldest takes a control envelope when one is older
  down_lost_in_stop,          ///< an actor that stops itself tells no monitor
  snapshot_lags,              ///< a snapshot is given again with the next change of the table
  unpark_stays_shut,          ///< an unparked actor still refuses mail
  activation_leaks,           ///< an ended actor still counts against its rule's max
  stop_forgets_child,         ///< a child that is backing off is not stopped with its parent
  afar_overtaken,             ///< who sends from next door does not wait behind who sent from afar
  notice_forgotten,           ///< an owner that is told of mail from afar does not run its actor
  afar_booked_twice,          ///< what came from afar stays booked as on its way
  heir_forgets_requests,      ///< who waits for an answer is not told that its actor begins fresh
  heir_keeps_beginning,       ///< timers set while the former self was made reach its heir
  failed_heir_leaves_timers,  ///< timers of an heir that was not to be reach the present self
  succession_untold,          ///< the outcome of one that a newer one replaced is not told
};
inline constexpr int bug_count = static_cast<int>(Bug::succession_untold) + 1;

#ifdef BACKSTAGE_PLANTED
/// The bug that is on. Set between runs, by the simulator alone.
inline Bug planted_bug = Bug::none;
[[nodiscard]] inline bool planted(Bug bug) noexcept { return planted_bug == bug; }
[[nodiscard]] inline const char* name_of(Bug bug) noexcept {
  constexpr std::array<const char*, bug_count> names{"none",
                                                     "window_never_slides",
                                                     "escalation_ignored",
                                                     "rest_forgets_the_rest",
                                                     "stops_oldest_first",
                                                     "retry_loses_message",
                                                     "retry_goes_last",
                                                     "restart_keeps_timers",
                                                     "restart_keeps_asked",
                                                     "restart_sleeps",
                                                     "failure_answers_nobody",
                                                     "eviction_leaks_bytes",
                                                     "conflation_uncounted",
                                                     "data_evicts_control",
                                                     "down_lost_in_stop",
                                                     "snapshot_lags",
                                                     "unpark_stays_shut",
                                                     "activation_leaks",
                                                     "stop_forgets_child",
                                                     "afar_overtaken",
                                                     "notice_forgotten",
                                                     "afar_booked_twice",
                                                     "heir_forgets_requests",
                                                     "heir_keeps_beginning",
                                                     "failed_heir_leaves_timers",
                                                     "succession_untold"};
  return names[static_cast<std::size_t>(bug)];
}
#else
[[nodiscard]] constexpr bool planted(Bug) noexcept { return false; }
#endif

}  // namespace backstage
