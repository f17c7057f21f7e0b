// The error table: every refusal has a number and a token that clients can rely on.
#include "daemon/wire/status.hpp"

#include <set>
#include <string>

#include "daemon/wire/line.hpp"
#include "tests/support/catch.hpp"

namespace backstage::wire {
namespace {

TEST_CASE("every engine refusal has a number of the table and its own token", "[wire]") {
  std::set<std::string> tokens;
  for (std::size_t i = 0; i < errc_count; ++i) {
    const auto code = static_cast<Errc>(i);
    const Status it = status(code);
    CAPTURE(i, it.token);
    CHECK(it.token == backstage::token(code));
    CHECK(is_error_token(it.token));
    CHECK(it.number >= 400);
    CHECK(it.number <= 599);
    CHECK(find_errc(it.token) == code);
    CHECK(tokens.insert(std::string(it.token)).second);
  }
}

TEST_CASE("every wire refusal has a number and token that no engine refusal has", "[wire]") {
  std::set<std::string> tokens;
  for (std::size_t i = 0; i < wire_errc_count; ++i) {
    const auto code = static_cast<WireErrc>(i);
    const Status it = status(code);
    CAPTURE(i, it.token);
    CHECK(is_error_token(it.token));
    CHECK(it.number >= 400);
    CHECK(it.number <= 599);
    CHECK_FALSE(sentence(code).empty());
    CHECK_FALSE(find_errc(it.token).has_value());
    CHECK(tokens.insert(std::string(it.token)).second);
  }
}

TEST_CASE("the numbers that clients act on stay as they were published", "[wire]") {
  CHECK(status(Errc::no_actor) == Status{404, "no_actor"});
  CHECK(status(Errc::no_value) == Status{404, "no_value"});
  CHECK(status(Errc::no_sub) == Status{404, "no_sub"});
  CHECK(status(Errc::no_request) == Status{404, "no_request"});
  CHECK(status(Errc::bad_addr) == Status{400, "bad_addr"});
  CHECK(status(Errc::bad_arg) == Status{400, "bad_arg"});
  CHECK(status(Errc::reserved_name) == Status{403, "reserved_name"});
  CHECK(status(Errc::name_in_use) == Status{409, "name_in_use"});
  CHECK(status(Errc::too_large) == Status{413, "too_large"});
  CHECK(status(Errc::mailbox_full) == Status{429, "mailbox_full"});
  CHECK(status(Errc::slow_consumer) == Status{429, "slow_consumer"});
  CHECK(status(Errc::call_cycle) == Status{409, "call_cycle"});
  CHECK(status(Errc::no_memory) == Status{503, "no_memory"});
  CHECK(status(Errc::retained_full) == Status{429, "retained_full"});
  CHECK(status(Errc::actor_failed) == Status{500, "actor_failed"});
  CHECK(status(Errc::unsupported) == Status{501, "unsupported"});
  CHECK(status(Errc::stopping) == Status{503, "stopping"});
  CHECK(status(Errc::parked) == Status{503, "parked"});
  CHECK(status(Errc::activation_limit) == Status{503, "activation_limit"});
  CHECK(status(Errc::timeout) == Status{504, "timeout"});
  CHECK(status(WireErrc::bad_frame) == Status{400, "bad_frame"});
  CHECK(status(WireErrc::bad_verb) == Status{400, "bad_verb"});
  CHECK(status(WireErrc::bad_batch) == Status{400, "bad_batch"});
  CHECK(status(WireErrc::unauthenticated) == Status{401, "unauthenticated"});
  CHECK(status(WireErrc::forbidden) == Status{403, "forbidden"});
  CHECK(status(WireErrc::needs_dealer) == Status{405, "needs_dealer"});
  CHECK(status(WireErrc::not_here) == Status{405, "not_here"});
  CHECK(status(WireErrc::superseded) == Status{409, "superseded"});
  CHECK(status(WireErrc::dup_unknown) == Status{409, "dup_unknown"});
  CHECK(status(WireErrc::no_session) == Status{410, "no_session"});
  CHECK(status(WireErrc::rate) == Status{429, "rate"});
  CHECK(status(WireErrc::hello_required) == Status{440, "hello_required"});
  CHECK(status(WireErrc::version) == Status{505, "version"});
}

TEST_CASE("only full, unavailable and timed out may be tried again", "[wire]") {
  CHECK(is_retryable(status(Errc::mailbox_full)));
  CHECK(is_retryable(status(Errc::stopping)));
  CHECK_FALSE(is_retryable(status(Errc::timeout)));
  CHECK_FALSE(is_retryable(status(Errc::no_actor)));
  CHECK_FALSE(is_retryable(status(Errc::actor_failed)));
  CHECK_FALSE(is_retryable(status(WireErrc::version)));
  CHECK_FALSE(is_retryable(status_ok));
}

}  // namespace
}  // namespace backstage::wire
