#include "daemon/ctl/traffic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <system_error>
#include <thread>

#include "daemon/ctl/keys.hpp"
#include "daemon/text/escape.hpp"

namespace backstage::ctl {
namespace {

using Clock = std::chrono::steady_clock;
// The largest payload that any daemon takes; standard input may have no end.
constexpr std::size_t input_bytes_max = 64U << 20U;

volatile std::sig_atomic_t interrupted = 0;
void on_interrupt(int) { interrupted = 1; }

bool is_text(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto unit = text::first_unit(bytes);
    const bool is_blank = bytes.front() == '\n' || bytes.front() == '\t' || bytes.front() == '\r';
    if (!unit.safe && !is_blank) return false;
    bytes.remove_prefix(unit.bytes.size());
  }
  return true;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const auto part = bytes.substr(at, 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8U | (i < part.size() ? static_cast<unsigned char>(part[i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      text += i <= part.size() ? digits[bits >> (18U - 6U * i) & 63U] : '=';
    }
  }
  return text;
}

std::unexpected<Fault> too_long() {
  return std::unexpected(Fault{exit_code::refused,
                               "CTL-206",
                               "standard input is over 64 MiB",
                               {},
                               "no daemon takes a payload as large as that",
                               "send it in parts; --lines makes a message of each line"});
}

// An end of the input that is none: a folder, say, or a descriptor that is closed.
bool has_failed(const std::istream& input) {
  return input.bad() || (&input == &std::cin && std::ferror(stdin) != 0);
}

std::unexpected<Fault> unreadable() {
  return std::unexpected(Fault{exit_code::refused,
                               "CTL-207",
                               "standard input cannot be read",
                               {},
                               std::generic_category().message(errno),
                               "redirect it from a file or a pipe; `< /dev/null` is the empty "
                               "payload; what was said before stands"});
}

// Waits until message number `count` is due; false when Ctrl-C came first.
bool wait_for_turn(const Traffic& traffic, Clock::time_point begun, std::uint64_t count) {
  if (!traffic.rate || *traffic.rate <= 0) return !was_interrupted();
  const std::chrono::duration<double> after(static_cast<double>(count) / *traffic.rate);
  const auto due = begun + std::chrono::duration_cast<Clock::duration>(after);
  constexpr std::chrono::milliseconds nap{50};
  while (Clock::now() < due && !was_interrupted()) {
    // In steps, for ^C in between.
    std::this_thread::sleep_for(std::min<Clock::duration>(due - Clock::now(), nap));
  }
  return !was_interrupted();
}

}  // namespace

Outcome<Session> open_session(const Options& options, const OnSession& on_session) {
  const auto endpoint = endpoint_of(options);
  client::options with{.name = options.traffic.name};
  if (on_session) with.on_session = on_session;
  return connect(endpoint, options, std::move(with), [&endpoint](const client::error& error) {
    return fault_of_message(error, endpoint);
  });
}

Fault fault_of_message(const client::error& error, const std::string& endpoint) {
  Fault fault{exit_code::said_no, "CTL-303", error.text, endpoint, {}, error.next};
  if (error.number == 0) fault.code = error.token == "bad_endpoint" ? "CTL-302" : "CTL-301";
  if (error.number == 0) fault.exit = exit_code::unavailable;
  if (error.token == "bad_endpoint") fault.exit = exit_code::usage;
  if (error.number != 0 && error.is_retryable()) fault.exit = exit_code::try_again;
  if (error.retry.count() > 0) {
    fault.next += fmt::format(" (the daemon asks for {} ms)", error.retry.count());
  }
  return fault;
}

int worse(int one, int other) noexcept {
  constexpr std::array<int, 4> order{exit_code::ok, exit_code::try_again, exit_code::said_no,
                                     exit_code::unavailable};
  const auto rank = [&order](int code) {
    return std::distance(order.begin(), std::ranges::find(order, code));
  };
  return rank(one) >= rank(other) ? one : other;
}

Outcome<void> each_payload(
    const Traffic& traffic, std::istream& input,
    const std::function<bool(const std::string& payload, std::uint64_t line)>& each) {
  if (traffic.payload) return static_cast<void>(each(*traffic.payload, 1)), Outcome<void>{};
  if (!traffic.is_lines) {
    std::string all;
    for (char byte = 0; input.get(byte);) {
      if (all.size() == input_bytes_max) return too_long();
      all += byte;
    }
    if (has_failed(input)) return unreadable();
    return static_cast<void>(each(all, 1)), Outcome<void>{};
  }
  const auto begun = Clock::now();
  std::string line;
  for (std::uint64_t count = 0; !was_interrupted() && std::getline(input, line); ++count) {
    if (line.size() > input_bytes_max) return too_long();
    if (!wait_for_turn(traffic, begun, count) || !each(line, count + 1)) break;
  }
  if (has_failed(input) && !was_interrupted()) return unreadable();
  return {};
}

void catch_interrupts() {
  // Without SA_RESTART: what waits for input ends, too.
  struct sigaction action{};
  action.sa_handler = on_interrupt;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

bool was_interrupted() noexcept { return interrupted != 0; }

void put_payload(Json& record, std::string_view payload) {
  if (is_text(payload)) {
    record["payload"] = payload;
  } else {
    record["payload_base64"] = base64(payload);
  }
}

Json record_of(const Fault& fault) { return Json::parse(render_json(fault)); }

void write_record(const Json& record) {
  fmt::print("{}\n", one_line(record));
  std::fflush(stdout);
}

void write_payload(std::string_view payload) {
  std::fwrite(payload.data(), 1, payload.size(), stdout);
  if (!payload.ends_with('\n')) std::fputc('\n', stdout);
  std::fflush(stdout);
}

}  // namespace backstage::ctl
