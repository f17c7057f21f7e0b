/// The words and limits of protocol v1, shared by both halves of the wire: verbs, choices, sizes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace backstage::wire {

/// The one protocol version this daemon speaks; `supported=` of `ERR 505 version`.
inline constexpr std::uint32_t protocol_version = 1;

/// The control line, without its LF: a full address, a long name and every key fit well within it,
/// and a scan of it stays in L1.
inline constexpr std::size_t control_bytes_max = 1024;
/// Frames of one message after identity and delimiter: control line and payload.
inline constexpr std::size_t frames_max = 2;
/// Ids are 1 .. 2^63-1, so that languages without unsigned integers can hold them.
inline constexpr std::uint64_t id_max = std::numeric_limits<std::int64_t>::max();
/// Tokens of PING and SYNC: room for a UUID and a prefix, while a PONG stays a short line.
inline constexpr std::size_t token_bytes_max = 64;
/// Entries of one BATCH.
inline constexpr std::uint32_t batch_entries_max = 1024;
/// Unacknowledged messages a subscription may ask for.
inline constexpr std::uint32_t window_max = 65'536;
/// Seconds a session may ask to outlive its connection.
inline constexpr std::uint32_t session_ttl_max = 86'400;
/// Shortest and longest heartbeat a client may ask for, in milliseconds.
inline constexpr std::uint32_t heartbeat_ms_min = 100;
inline constexpr std::uint32_t heartbeat_ms_max = 3'600'000;

/// Client -> server. In the order of the alternatives of `Command`.
enum class Verb : std::uint8_t {
  hello,
  send,
  req,
  pub,
  sub,
  unsub,
  get,
  ack,
  ping,
  rep,
  err,
  sync,
  batch,
  bye,
  watch,
  unwatch,
};
inline constexpr std::size_t verb_count = static_cast<std::size_t>(Verb::unwatch) + 1;

/// `SEND`. [any]
[[nodiscard]] std::string_view text(Verb verb) noexcept;
/// The whole line to write, for refusals and help: `SEND actor [id=N] ...`. [any]
[[nodiscard]] std::string_view usage(Verb verb) noexcept;
/// Exact, upper case only. [any]
[[nodiscard]] std::optional<Verb> find_verb(std::string_view word) noexcept;

/// `over=`: what a full session does with the messages of a subscription.
enum class Over : std::uint8_t { oldest, newest, conflate, kick };
[[nodiscard]] std::string_view text(Over over) noexcept;
[[nodiscard]] std::optional<Over> find_over(std::string_view word) noexcept;

/// Why a GAP covers messages: the session was slow, resumed, shed for memory, or keeps the newest.
enum class GapReason : std::uint8_t { slow, resume, shed, conflate };
[[nodiscard]] std::string_view text(GapReason reason) noexcept;
[[nodiscard]] std::optional<GapReason> find_gap_reason(std::string_view word) noexcept;

}  // namespace backstage::wire
