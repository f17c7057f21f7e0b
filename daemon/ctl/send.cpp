// send and pub: one message, or one for each line of standard input.
#include <fmt/format.h>

#include <iostream>

#include "daemon/ctl/commands.hpp"
#include "daemon/ctl/traffic.hpp"

namespace backstage::ctl {
namespace {

using Receipt = client::outcome<client::reply>;
using Act = std::function<Receipt(client::connection&, const std::string& payload)>;

struct Tally {
  std::uint64_t taken = 0;
  std::uint64_t refused = 0;
  int exit = exit_code::ok;
};

// What became of one message, to whoever waits for it.
void tell(const Options& options, const Receipt& got, std::uint64_t line,
          const std::string& endpoint) {
  const bool is_publish = options.command == Command::pub;
  if (!got) {
    const auto fault = fault_of_message(got.error(), endpoint);
    auto record = record_of(fault);
    if (options.traffic.is_lines) record["line"] = line;
    if (options.is_json) return write_record(record);
    if (options.traffic.is_lines) fmt::print(stderr, "line {}: ", line);
    return fmt::print(stderr, "{}", render(fault));
  }
  if (options.is_json) {
    Json record{{"ok", true}};
    if (options.traffic.is_lines) record["line"] = line;
    if (is_publish) record["matched"] = got->number("n");
    if (is_publish) record["full"] = got->number("full");
    return write_record(record);
  }
  if (options.traffic.is_lines) return;
  if (!is_publish) return fmt::print("accepted\n");
  fmt::print("offered to {} subscriptions, {} of them full\n", got->number("n"),
             got->number("full"));
}

Outcome<int> act_on_each(const Options& options, const Act& act) {
  const auto opened = open_session(options);
  if (!opened) return std::unexpected(opened.error());
  auto& session = **opened;
  catch_interrupts();
  Tally tally;
  const auto each = [&](const std::string& payload, std::uint64_t line) {
    const auto got = act(session, payload);
    ++(got ? tally.taken : tally.refused);
    if (!got) {
      tally.exit = worse(tally.exit, fault_of_message(got.error(), session.endpoint()).exit);
    }
    tell(options, got, line, session.endpoint());
    // Of a daemon that is gone every further line would only say the same.
    return got || got.error().number != 0;
  };
  const auto read = each_payload(options.traffic, std::cin, each);
  if (!read) return std::unexpected(read.error());
  if (options.traffic.is_lines && !options.is_json) {
    fmt::print(stderr, "{} accepted, {} refused\n", tally.taken, tally.refused);
  }
  return tally.exit;
}

}  // namespace

Outcome<int> send(const Options& options) {
  const auto& traffic = options.traffic;
  return act_on_each(options, [&](client::connection& session, const std::string& payload) {
    return session.send(traffic.targets.front(), payload,
                        {.type = traffic.type, .timeout = options.timeout});
  });
}

Outcome<int> pub(const Options& options) {
  const auto& traffic = options.traffic;
  return act_on_each(options, [&](client::connection& session, const std::string& payload) {
    return session.publish(
        traffic.targets.front(), payload,
        {.type = traffic.type, .is_retained = traffic.is_retained, .timeout = options.timeout});
  });
}

}  // namespace backstage::ctl
