#include "daemon/wire/status.hpp"

#include <array>

namespace backstage::wire {
namespace {

struct CodeRow {
  std::uint16_t number;
  std::string_view token;
  std::string_view sentence;
};

// In the order of the enumerators.
constexpr std::array<CodeRow, wire_errc_count> code_rows{{
    {400, "bad_frame", "the frames or the control line break the grammar"},
    {400, "bad_verb", "there is no such verb"},
    {400, "bad_batch", "the entries of the batch do not add up, nothing of it ran"},
    {401, "unauthenticated", "this connection has not proved who it is"},
    {403, "forbidden", "no rule lets you do that there"},
    {405, "needs_dealer", "a REQ socket cannot receive what this verb brings; use a DEALER"},
    {405, "not_here", "that verb belongs to another socket of the daemon"},
    {409, "superseded", "another connection has taken this session over"},
    {409, "dup_unknown", "that id is older than the answers this session keeps"},
    {410, "no_session", "no such session: wrong token, other principal, or restarted daemon"},
    {429, "rate", "you send more than your rate allows"},
    {503, "sessions_full", "the daemon holds as many sessions as it may"},
    {440, "hello_required", "this endpoint wants HELLO first"},
    {505, "version", "no protocol version in common"},
}};

// No default: a new Errc without a number does not compile.
constexpr std::uint16_t number_of(Errc code) noexcept {
  switch (code) {
    case Errc::bad_name:
    case Errc::bad_addr:
    case Errc::bad_arg:
      return 400;
    case Errc::reserved_name:
      return 403;
    case Errc::no_actor:
    case Errc::no_type:
    case Errc::no_value:
    case Errc::no_sub:
    case Errc::no_request:
    case Errc::no_timer:
      return 404;
    case Errc::name_in_use:
    case Errc::type_mismatch:
    case Errc::call_cycle:
      return 409;
    case Errc::too_large:
      return 413;
    case Errc::mailbox_full:
    case Errc::retained_full:
    case Errc::topics_full:
    case Errc::subs_full:
    case Errc::timers_full:
    case Errc::requests_full:
    case Errc::slow_consumer:
      return 429;
    case Errc::actor_failed:
      return 500;
    case Errc::unsupported:
      return 501;
    case Errc::stopping:
    case Errc::parked:
    case Errc::actors_full:
    case Errc::threads_full:
    case Errc::activation_limit:
    case Errc::no_memory:
      return 503;
    case Errc::timeout:
      return 504;
  }
  return 500;
}

}  // namespace

Status status(Errc code) noexcept { return {number_of(code), backstage::token(code)}; }

Status status(WireErrc code) noexcept {
  const CodeRow& row = code_rows[static_cast<std::size_t>(code)];
  return {row.number, row.token};
}

std::optional<Errc> find_errc(std::string_view token) noexcept {
  for (std::size_t i = 0; i < errc_count; ++i) {
    if (backstage::token(static_cast<Errc>(i)) == token) return static_cast<Errc>(i);
  }
  return std::nullopt;
}

std::string_view sentence(WireErrc code) noexcept {
  return code_rows[static_cast<std::size_t>(code)].sentence;
}

}  // namespace backstage::wire
