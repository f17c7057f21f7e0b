// actors and stats: what the daemon says of itself, as tables or as its JSON.
#include <fmt/format.h>

#include "daemon/ctl/commands.hpp"
#include "daemon/ctl/door.hpp"
#include "daemon/ctl/table.hpp"

namespace backstage::ctl {
namespace {

Outcome<Json> ask(const Options& options, const char* op) {
  auto door = Door::open(options);
  if (!door) return std::unexpected(door.error());
  return door->ask({{"op", op}});
}

Json part(const Json& object, const char* key) {
  return object.contains(key) ? object[key] : Json::object();
}

// One row for each number, nested objects with their path before it.
void flatten(const Json& object, const std::string& path, Table& table) {
  for (const auto& [key, value] : object.items()) {
    const auto name = path.empty() ? key : fmt::format("{}.{}", path, key);
    if (value.is_object()) {
      flatten(value, name, table);
    } else {
      table.add({name, value.is_string() ? value.get<std::string>() : value.dump()});
    }
  }
}

}  // namespace

Outcome<int> actors(const Options& options) {
  const auto answer = ask(options, "actors");
  if (!answer) return std::unexpected(answer.error());
  if (options.is_json) {
    fmt::print("{}\n", one_line(*answer));
    return exit_code::ok;
  }
  Table table({"NAME", "TYPE", "PHASE", "HANDLED", "QUEUED", "RESTARTS", "PARENT"});
  for (const auto& actor : part(*answer, "actors")) {
    if (!actor.is_object()) continue;
    const auto ledger = part(actor, "ledger");
    table.add({text_of(actor, "name"), text_of(actor, "type"), text_of(actor, "phase"),
               number_of(ledger, "handled"), number_of(ledger, "queued"),
               number_of(actor, "restarts"), text_of(actor, "parent")});
  }
  fmt::print("{}", table.text(wants_colour()));
  return exit_code::ok;
}

Outcome<int> stats(const Options& options) {
  const auto answer = ask(options, "stats");
  if (!answer) return std::unexpected(answer.error());
  if (options.is_json) {
    fmt::print("{}\n", one_line(*answer));
    return exit_code::ok;
  }
  Table table({"COUNTER", "VALUE"});
  flatten(*answer, {}, table);
  fmt::print("{}", table.text(wants_colour()));
  return exit_code::ok;
}

}  // namespace backstage::ctl
