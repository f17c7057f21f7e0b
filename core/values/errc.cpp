#include "core/values/errc.hpp"

#include <array>

namespace backstage {
namespace {

struct Row {
  std::string_view token;
  std::string_view sentence;
};

// In the order of the enumerators.
constexpr std::array<Row, errc_count> rows{{
    {"no_actor", "no actor has that name and no activation rule makes one"},
    {"mailbox_full", "the actor's mailbox is full"},
    {"stopping", "the actor is stopping and takes no new messages"},
    {"parked", "the actor failed too often and is parked until an operator unparks it"},
    {"timeout", "no reply arrived before the deadline"},
    {"actor_failed", "the actor failed or ended before it replied"},
    {"name_in_use", "another actor or session holds that name"},
    {"type_mismatch", "an actor of that name exists with another type"},
    {"no_type", "no such actor type is loaded"},
    {"bad_name", "the name is not 1 to 64 of A-Z a-z 0-9 . _ : - or %XX"},
    {"bad_addr", "the address is not actor or actor/topic of legal names, at most 200 bytes"},
    {"bad_arg", "an argument is missing or out of range"},
    {"reserved_name", "names beginning with '$' belong to the daemon"},
    {"too_large", "the payload is over the limit"},
    {"no_value", "the address has no retained value"},
    {"no_sub", "there is no such subscription"},
    {"no_request", "there is no open request to answer: it was answered, or its time is over"},
    {"no_timer", "there is no such timer"},
    {"retained_full", "the memory budget for retained values is used up"},
    {"topics_full", "the limit of known addresses is reached"},
    {"subs_full", "the limit of subscriptions is reached"},
    {"timers_full", "the limit of timers of one actor is reached"},
    {"requests_full", "the limit of open requests of one actor is reached"},
    {"actors_full", "the limit of living actors is reached"},
    {"threads_full", "the limit of actors with a thread of their own is reached"},
    {"activation_limit", "the activation rule has made as many actors as it may"},
    {"slow_consumer", "the receiver cannot keep up"},
    {"call_cycle", "the actor that is asked waits itself, by way of others, for the one that asks"},
    {"no_memory", "the daemon is out of memory for more messages"},
    {"unsupported", "not supported here"},
}};

}  // namespace

std::string_view token(Errc code) noexcept { return rows[static_cast<std::size_t>(code)].token; }
std::string_view sentence(Errc code) noexcept {
  return rows[static_cast<std::size_t>(code)].sentence;
}

}  // namespace backstage
