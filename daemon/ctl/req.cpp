// req: asks an actor, and writes what it replies.
#include <fmt/format.h>

#include <iostream>

#include "daemon/ctl/commands.hpp"
#include "daemon/ctl/traffic.hpp"

namespace backstage::ctl {

Outcome<int> req(const Options& options) {
  const auto& traffic = options.traffic;
  const auto opened = open_session(options);
  if (!opened) return std::unexpected(opened.error());
  auto& session = **opened;
  catch_interrupts();
  int exit = exit_code::ok;
  const auto each = [&](const std::string& payload, std::uint64_t line) {
    const auto got = session.request(traffic.targets.front(), payload,
                                     {.type = traffic.type, .timeout = options.timeout});
    Json record = Json::object();
    if (traffic.is_lines) record["line"] = line;
    if (got) {
      if (const auto type = got->key("type"); !type.empty()) record["type"] = type;
      put_payload(record, got->payload);
      options.is_json ? write_record(record) : write_payload(got->payload);
      return true;
    }
    const auto fault = fault_of_message(got.error(), session.endpoint());
    exit = worse(exit, fault.exit);
    record.update(record_of(fault));
    if (options.is_json) {
      write_record(record);
    } else {
      if (traffic.is_lines) fmt::print(stderr, "line {}: ", line);
      fmt::print(stderr, "{}", render(fault));
    }
    return got.error().number != 0;
  };
  const auto read = each_payload(traffic, std::cin, each);
  if (!read) return std::unexpected(read.error());
  return exit;
}

}  // namespace backstage::ctl
