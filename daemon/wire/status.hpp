/// The error table of the wire: one number and one token for every refusal a client can meet.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/values/errc.hpp"

namespace backstage::wire {

/// Refusals that only the wire and its gateway know; the engine's own are `backstage::Errc`.
enum class WireErrc : std::uint8_t {
  bad_frame,        ///< the frames or the control line break the grammar
  bad_verb,         ///< no such verb
  bad_batch,        ///< the entries of a BATCH do not add up; nothing of it ran
  unauthenticated,  ///< the connection has not proved who it is
  forbidden,        ///< no rule lets this principal do that there
  needs_dealer,     ///< a REQ socket cannot receive what this verb brings
  not_here,         ///< the verb belongs to another socket of the daemon
  superseded,       ///< another connection has taken this session over
  dup_unknown,      ///< a repeated id, older than the answers the session keeps
  no_session,       ///< the resume token is wrong, over, or another principal's
  rate,             ///< over the rate that this principal may use
  sessions_full,    ///< the daemon holds as many sessions as it may
  hello_required,   ///< this endpoint wants HELLO first
  version,          ///< no protocol version in common
};
inline constexpr std::size_t wire_errc_count = static_cast<std::size_t>(WireErrc::version) + 1;

/// What ERR and BYE carry: `404 no_actor`. Number and token are stable for ever. The token lives
/// as long as the program (or, read from a line, as long as that line).
struct Status {
  std::uint16_t number = 0;
  std::string_view token{};

  friend bool operator==(const Status&, const Status&) = default;
};

/// `BYE 200 ok`: the client asked for the end.
inline constexpr Status status_ok{200, "ok"};

/// The number and token of an engine refusal; the token is core's. [any]
[[nodiscard]] Status status(Errc code) noexcept;
/// The number and token of a wire refusal. [any]
[[nodiscard]] Status status(WireErrc code) noexcept;
/// What happened, as one sentence for people. [any]
[[nodiscard]] std::string_view sentence(WireErrc code) noexcept;

/// The engine refusal of that token, if there is one: what a client's own `ERR rid code token` is
/// to the engine. [any]
[[nodiscard]] std::optional<Errc> find_errc(std::string_view token) noexcept;

/// May be tried again, with a new id: 429 and 503. Not 504, which may have had effects. [any]
[[nodiscard]] constexpr bool is_retryable(Status status) noexcept {
  return status.number == 429 || status.number == 503;
}

}  // namespace backstage::wire
