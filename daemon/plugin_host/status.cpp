// Switches without a default: a new enumerator of the engine does not compile until it has a
// number.
#include "daemon/plugin_host/status.hpp"

#include <array>
#include <utility>

namespace backstage::plugin_host {

bs_status status_of(Errc code) noexcept {
  switch (code) {
    case Errc::no_actor:
      return BS_E_NO_ACTOR;
    case Errc::mailbox_full:
      return BS_E_MAILBOX_FULL;
    case Errc::stopping:
      return BS_E_STOPPING;
    case Errc::parked:
      return BS_E_PARKED;
    case Errc::timeout:
      return BS_E_TIMEOUT;
    case Errc::actor_failed:
      return BS_E_ACTOR_FAILED;
    case Errc::name_in_use:
      return BS_E_NAME_IN_USE;
    case Errc::type_mismatch:
      return BS_E_TYPE_MISMATCH;
    case Errc::no_type:
      return BS_E_NO_TYPE;
    case Errc::bad_name:
      return BS_E_BAD_NAME;
    case Errc::bad_addr:
      return BS_E_BAD_ADDR;
    case Errc::bad_arg:
      return BS_E_ARG;
    case Errc::reserved_name:
      return BS_E_RESERVED_NAME;
    case Errc::too_large:
      return BS_E_TOO_LARGE;
    case Errc::no_value:
      return BS_E_NO_VALUE;
    case Errc::no_sub:
      return BS_E_NO_SUB;
    case Errc::no_request:
      return BS_E_STATE;
    case Errc::no_timer:
      return BS_E_NO_TIMER;
    case Errc::retained_full:
      return BS_E_RETAINED_FULL;
    case Errc::topics_full:
      return BS_E_TOPICS_FULL;
    case Errc::subs_full:
      return BS_E_SUBS_FULL;
    case Errc::timers_full:
      return BS_E_TIMERS_FULL;
    case Errc::requests_full:
      return BS_E_REQUESTS_FULL;
    case Errc::actors_full:
      return BS_E_ACTORS_FULL;
    case Errc::threads_full:
      return BS_E_THREADS_FULL;
    case Errc::activation_limit:
      return BS_E_ACTIVATION_LIMIT;
    case Errc::slow_consumer:
      return BS_E_SLOW_CONSUMER;
    case Errc::call_cycle:
      return BS_E_CALL_CYCLE;
    case Errc::no_memory:
      return BS_E_NO_MEMORY;
    case Errc::unsupported:
      return BS_E_NOSUP;
  }
  return BS_E_FAIL;
}

Errc errc_of(bs_status status) noexcept {
  // "Ask again later" is what a full mailbox tells a sender; BS_E_FAIL and unknown numbers are the
  // plugin's own business, which the text explains.
  if (status == BS_E_BUSY) return Errc::mailbox_full;
  for (std::size_t i = 0; i < errc_count; ++i) {
    const auto code = static_cast<Errc>(i);
    if (status_of(code) == status) return code;
  }
  return Errc::actor_failed;
}

std::string_view name_of(bs_status status) noexcept {
  switch (status) {
    case BS_OK:
      return "ok";
    case BS_STOP:
      return "stop";
    case BS_EXISTING:
      return "existing";
    case BS_E_FAIL:
      return "fail";
    case BS_E_BUSY:
      return "busy";
    default:
      break;
  }
  const Errc code = errc_of(status);
  return status_of(code) == status ? token(code) : std::string_view{"unknown"};
}

std::int32_t end_of(EndReason reason) noexcept {
  switch (reason) {
    case EndReason::stopped:
    case EndReason::drained:
    case EndReason::killed:
    case EndReason::abandoned:
    case EndReason::slow_consumer:
    case EndReason::disconnected:
      return BS_END_STOPPED;
    case EndReason::failed:
    case EndReason::recycled:
    case EndReason::parked:
      return BS_END_FAILED;
    case EndReason::passivated:
      return BS_END_PASSIVATED;
    case EndReason::shutdown:
      return BS_END_SHUTDOWN;
  }
  return BS_END_STOPPED;
}

bs_status status_of_down(std::string_view reason) noexcept {
  static constexpr std::array<std::pair<std::string_view, bs_status>, 6> failures{{
      {"failed", BS_E_ACTOR_FAILED},
      {"abandoned", BS_E_ACTOR_FAILED},
      {"parked", BS_E_PARKED},
      {"shutdown", BS_E_STOPPING},
      {"slow_consumer", BS_E_SLOW_CONSUMER},
      {"no_actor", BS_E_NO_ACTOR},
  }};
  for (const auto& [text, status] : failures) {
    if (text == reason) return status;
  }
  return BS_OK;
}

}  // namespace backstage::plugin_host
