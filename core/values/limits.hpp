/// Every capacity and default of the engine, with its reason. Config may lower or raise what
/// `Limits` holds; the constants outside it are part of the protocol or of the machine.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace backstage {

using namespace std::chrono_literals;

// --- Names: the wire's grammar. -----------------------------------------------------------------
inline constexpr std::size_t actor_name_bytes_max = 64;
inline constexpr std::size_t topic_name_bytes_max = 128;
/// libzmq 4.3.4 mis-encodes SUB filters of 246 to 255 bytes (upstream ecc63d0d); 200 leaves room
/// for the `|` terminator and any later suffix.
inline constexpr std::size_t address_bytes_max = 200;
inline constexpr std::size_t type_name_bytes_max = 64;

// --- Payload. -----------------------------------------------------------------------------------
inline constexpr std::size_t payload_bytes_max = 1U << 20U;
/// Up to here a payload lives inside the envelope: no allocation, no shared count. One cache line.
inline constexpr std::size_t payload_inline_bytes_max = 64;
/// Received frames are adopted from here up and copied below: a kept small zmq_msg_t pins its 8 KiB
/// receive buffer, while the copy of 4 KiB costs 55 ns.
inline constexpr std::size_t frame_adopt_bytes_min = 4096;

// --- Turns. -------------------------------------------------------------------------------------
/// Messages per turn: long enough to make the hand-over cheap, short enough to be fair.
inline constexpr std::uint32_t turn_messages_max = 256;
/// A turn that has woken so many others lets them run: what they are to handle is in the cache now.
inline constexpr std::uint32_t turn_wakes_max = 64;
/// And time per turn, looked at every turn_clock_stride messages (a clock read costs 26 ns).
inline constexpr auto turn_time_max = 1ms;
inline constexpr std::uint32_t turn_clock_stride = 32;
/// A turn's time counts from here.
inline constexpr std::uint32_t turn_clock_first = 8;
/// A turn longer than this is reported and a spare worker stands in for its own: a thousand times
/// what is fair, so that only code that blocks or loops is caught.
inline constexpr auto turn_budget_default = 1s;
/// Spare workers at one time: each is a thread, and as many hung actors are a fault to be seen.
inline constexpr std::uint32_t spare_workers_default = 16;
/// Threads of pinned actors at one time.
inline constexpr std::uint32_t pinned_threads_default = 256;

// --- Supervision: OTP's words, ruling 21's numbers. ---------------------------------------------
inline constexpr std::uint32_t restart_intensity = 3;
inline constexpr auto restart_period = 10s;
inline constexpr auto restart_backoff_min = 100ms;
inline constexpr auto restart_backoff_max = 10s;
/// Up this long, a self's next failure waits backoff_min again.
inline constexpr auto restart_healthy_after = 10s;
inline constexpr std::uint32_t restart_jitter_percent = 20;

// --- Ends: each verb has a deadline, and what follows when it passes. ---------------------------
inline constexpr auto stop_deadline_default = 5s;    ///< then the actor is killed
inline constexpr auto drain_deadline_default = 10s;  ///< then it is killed
inline constexpr auto kill_deadline = 1s;  ///< then, if a handler does not return, it is abandoned

inline constexpr auto request_deadline_default = 5s;
inline constexpr auto request_deadline_max = 24h;

/// One mailbox: data is bounded in messages and bytes. Control is bounded where it is caused (open
/// requests, timers, monitors), so it always has room and data can
/// never take it.
struct MailboxLimits {
  std::uint32_t data_messages_max = 16'384;
  std::uint64_t data_bytes_max = 16U << 20U;
};

/// Engine-wide limits: each has a refusal code and a counter.
struct Limits {
  std::uint32_t actors_max = 4'000'000;
  std::uint32_t topics_max = 1'000'000;
  std::uint32_t subscriptions_per_actor_max = 1'000;
  std::uint32_t timers_per_actor_max = 1'000'000;
  std::uint32_t requests_per_actor_max = 4'096;
  std::uint32_t monitors_per_actor_max = 4'096;
  std::uint64_t retained_bytes_max = 64U << 20U;
  /// For each cause.
  std::uint32_t dead_letters_max = 1'024;
  std::uint64_t dead_letter_bytes_max = 8U << 20U;
};

}  // namespace backstage
