/// status, result and error: how an SDK call says that it failed, and how an actor does.
#pragma once
#include <array>
#include <cstddef>
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
    default:
      break;
  }
  constexpr std::array<std::string_view, 27> engine_errors{
      "no_actor",      "mailbox_full",  "stopping",         "parked",        "timeout",
      "actor_failed",  "name_in_use",   "type_mismatch",    "no_type",       "bad_name",
      "bad_addr",      "reserved_name", "too_large",        "no_value",      "no_sub",
      "no_timer",      "retained_full", "topics_full",      "subs_full",     "timers_full",
      "requests_full", "actors_full",   "activation_limit", "slow_consumer", "call_cycle",
      "no_memory",     "threads_full"};
  const auto at = static_cast<std::size_t>(BS_E_NO_ACTOR - code);
  return code <= BS_E_NO_ACTOR && at < engine_errors.size() ? engine_errors[at] : "unknown";
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
