/// status, result and error: how an SDK call says that it failed, and how an actor does.
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "backstage/plugin.h"

namespace backstage {

/// The token of a status code ("mailbox_full"), as the wire and the logs show it. [any-thread]
[[nodiscard]] constexpr std::string_view status_name(bs_status code) noexcept {
  switch (code) {
    case BS_OK:
      return "ok";
    case BS_STOP:
      return "stop";
    case BS_EXISTING:
      return "existing";
    case BS_E_FAIL:
      return "fail";
    case BS_E_ARG:
      return "bad_arg";
    case BS_E_NOSUP:
      return "unsupported";
    case BS_E_STATE:
      return "no_request";
    case BS_E_BUSY:
      return "busy";
    case BS_E_NO_ACTOR:
      return "no_actor";
    case BS_E_MAILBOX_FULL:
      return "mailbox_full";
    case BS_E_STOPPING:
      return "stopping";
    case BS_E_PARKED:
      return "parked";
    case BS_E_TIMEOUT:
      return "timeout";
    case BS_E_ACTOR_FAILED:
      return "actor_failed";
    case BS_E_NAME_IN_USE:
      return "name_in_use";
    case BS_E_TYPE_MISMATCH:
      return "type_mismatch";
    case BS_E_NO_TYPE:
      return "no_type";
    case BS_E_BAD_NAME:
      return "bad_name";
    case BS_E_BAD_ADDR:
      return "bad_addr";
    case BS_E_RESERVED_NAME:
      return "reserved_name";
    case BS_E_TOO_LARGE:
      return "too_large";
    case BS_E_NO_VALUE:
      return "no_value";
    case BS_E_NO_SUB:
      return "no_sub";
    case BS_E_NO_TIMER:
      return "no_timer";
    case BS_E_RETAINED_FULL:
      return "retained_full";
    case BS_E_TOPICS_FULL:
      return "topics_full";
    case BS_E_SUBS_FULL:
      return "subs_full";
    case BS_E_TIMERS_FULL:
      return "timers_full";
    case BS_E_REQUESTS_FULL:
      return "requests_full";
    case BS_E_ACTORS_FULL:
      return "actors_full";
    case BS_E_ACTIVATION_LIMIT:
      return "activation_limit";
    case BS_E_SLOW_CONSUMER:
      return "slow_consumer";
    case BS_E_CALL_CYCLE:
      return "call_cycle";
    case BS_E_NO_MEMORY:
      return "no_memory";
    default:
      return "unknown";
  }
}

/// Thrown out of a constructor, `on`, `save`, `load` or `init`, it fails that call with this code;
/// the text reaches the log and the requester. Any other exception does the same with BS_E_FAIL.
class error : public std::runtime_error {
 public:
  explicit error(const std::string& text) : error(BS_E_FAIL, text) {}
  error(bs_status code, const std::string& text) : std::runtime_error(text), code_(code) {}
  [[nodiscard]] bs_status code() const noexcept { return code_; }

 private:
  bs_status code_;
};

/// The outcome of one call. Look at it, or turn a refusal into a failure of the actor with must().
class status {
 public:
  constexpr status() noexcept = default;
  constexpr status(bs_status code) noexcept : code_(code) {}  // NOLINT: codes are statuses

  [[nodiscard]] constexpr bool ok() const noexcept { return code_ >= 0; }
  [[nodiscard]] constexpr bs_status code() const noexcept { return code_; }
  [[nodiscard]] constexpr std::string_view name() const noexcept { return status_name(code_); }
  /// Throws backstage::error unless ok().
  void must() const {
    if (!ok()) throw error(code_, "a call to the daemon was refused: " + std::string{name()});
  }
  friend constexpr bool operator==(status, status) noexcept = default;

 private:
  bs_status code_ = BS_OK;
};

/// A value, or the status that says why there is none.
template <class T>
class result {
 public:
  result(backstage::status why, T value) : status_(why), value_(std::move(value)) {}

  [[nodiscard]] bool ok() const noexcept { return status_.ok(); }
  [[nodiscard]] backstage::status status() const noexcept { return status_; }
  /// The value; meaningful when ok() only.
  [[nodiscard]] const T& value() const noexcept { return value_; }
  /// The value, or throws backstage::error.
  const T& must() const {
    status_.must();
    return value_;
  }

 private:
  backstage::status status_;
  T value_;
};

}  // namespace backstage
