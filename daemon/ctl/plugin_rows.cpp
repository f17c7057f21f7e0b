// plugin ls and plugin info.
#include "daemon/ctl/plugin_rows.hpp"

#include <fmt/format.h>

#include "daemon/ctl/commands.hpp"
#include "daemon/ctl/table.hpp"
#include "daemon/text/escape.hpp"
#include "daemon/text/suggest.hpp"

namespace backstage::ctl {
namespace {

Outcome<Json> plugins(const Options& options) {
  auto door = Door::open(options);
  if (!door) return std::unexpected(door.error());
  return door->ask({{"op", "plugins"}});
}

std::string value_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return one_line(value);
  std::string text;
  for (const auto& one : value) {
    text += (text.empty() ? "" : ", ") + (one.is_string() ? one.get<std::string>() : one_line(one));
  }
  return text;
}

}  // namespace

std::vector<Json> rows_of(const Json& answer) {
  std::vector<Json> rows;
  if (const auto found = answer.find("plugins"); found != answer.end() && found->is_array()) {
    for (const auto& row : *found) {
      if (row.is_object()) rows.push_back(row);
    }
  }
  return rows;
}

std::string file_name(const Json& row) {
  const auto path = text_of(row, "file");
  return path.substr(path.rfind('/') + 1);
}

Outcome<std::vector<Json>> rows_named(const Json& answer, const std::string& id) {
  std::vector<Json> named;
  std::vector<std::string> known;
  for (const auto& row : rows_of(answer)) {
    for (const auto& name : {text_of(row, "id"), file_name(row), text_of(row, "file")}) {
      if (name != id) {
        known.push_back(name);
        continue;
      }
      named.push_back(row);
      break;
    }
  }
  if (!named.empty()) return named;
  const std::vector<std::string_view> words(known.begin(), known.end());
  const auto close = text::nearest(id, words);
  return std::unexpected(Fault{exit_code::not_found,
                               "CTL-401",
                               fmt::format("the daemon has no plugin \"{}\"", id),
                               {},
                               {},
                               close.empty()
                                   ? std::string{"backstagectl plugin ls shows ids and files"}
                                   : fmt::format("did you mean {}?", close)});
}

bool is_serving(const Json& row) {
  const auto state = text_of(row, "state");
  return state == "active" || state == "probation";
}

std::string reason_of(const Json& row) {
  const auto code = text_of(row, "code");
  const auto reason = text_of(row, "reason");
  return code.empty() || reason.empty() ? code + reason : code + ": " + reason;
}

Outcome<int> plugin_ls(const Options& options) {
  const auto answer = plugins(options);
  if (!answer) return std::unexpected(answer.error());
  if (options.is_json) {
    fmt::print("{}\n", one_line(*answer));
    return exit_code::ok;
  }
  Table table({"ID", "VERSION", "STATE", "ACTORS", "FILE", "REASON"});
  for (const auto& row : rows_of(*answer)) {
    table.add({text_of(row, "id"), text_of(row, "version"), text_of(row, "state"),
               number_of(row, "actors"), file_name(row), reason_of(row)});
  }
  fmt::print("{}", table.text(wants_colour()));
  return exit_code::ok;
}

Outcome<int> plugin_info(const Options& options) {
  const auto answer = plugins(options);
  if (!answer) return std::unexpected(answer.error());
  const auto rows = rows_named(*answer, options.name);
  if (!rows) return std::unexpected(rows.error());
  if (options.is_json) {
    fmt::print("{}\n", one_line(Json{{"plugins", *rows}}));
    return exit_code::ok;
  }
  for (const auto& row : *rows) {
    if (&row != &rows->front()) fmt::print("\n");
    for (const auto& [key, value] : row.items()) {
      const auto text = value_text(value);
      if (!text.empty()) fmt::print("{:<12} {}\n", key, text::printable(text));
    }
  }
  return exit_code::ok;
}

}  // namespace backstage::ctl
