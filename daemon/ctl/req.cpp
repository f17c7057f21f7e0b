// req: asks an actor, and writes what it replies.
#include <fmt/format.h>

#include <iostream>

#include "daemon/ctl/commands.hpp"
#include "daemon/ctl/traffic.hpp"

namespace backstage::ctl {

Outcome<int> req(const Options& options) {
  const auto& traffic = options.traffic;
  auto session = open_session(options);
  if (!session) return std::unexpected(session.error());
  catch_interrupts();
  int exit = exit_code::ok;
  const auto each = [&](const std::string& payload, std::uint64_t line) {
    const auto got =
        session->request(traffic.targets.front(), payload, options.timeout, traffic.type);
    Json record = Json::object();
    if (traffic.is_lines) record["line"] = line;
    if (got.ok()) {
      if (!got.value().type.empty()) record["type"] = got.value().type;
      put_payload(record, got.value().payload);
      options.is_json ? write_record(record) : write_payload(got.value().payload);
      return true;
    }
    const auto fault = fault_of_message(got.error(), session->endpoint());
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
