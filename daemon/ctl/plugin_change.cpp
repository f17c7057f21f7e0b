// plugin upgrade, rollback, retry and rm: asks for a change, then waits until its outcome is known.
#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <thread>

#include "daemon/ctl/commands.hpp"
#include "daemon/ctl/drop.hpp"
#include "daemon/ctl/plugin_rows.hpp"
#include "daemon/text/escape.hpp"

namespace backstage::ctl {
namespace {

using Clock = std::chrono::steady_clock;
// Seldom enough to be no load, often enough to seem at once.
constexpr std::chrono::milliseconds look_again{100};

Outcome<Json> list(Door& door) { return door.ask({{"op", "plugins"}}); }

// Looks at the list until `look` has an outcome.
Outcome<std::string> wait_for(
    Door& door, const Options& options,
    const std::function<std::optional<Outcome<std::string>>(const Json&)>& look) {
  const auto end = Clock::now() + options.timeout;
  while (true) {
    const auto answer = list(door);
    if (!answer) return std::unexpected(answer.error());
    if (auto outcome = look(*answer)) return *std::move(outcome);
    if (Clock::now() >= end) break;
    // The daemon tells of a change on $sys/plugin.<id>; asking needs no second socket.
    std::this_thread::sleep_for(look_again);
  }
  return std::unexpected(
      Fault{exit_code::try_again, "CTL-403",
            fmt::format("{} is not done after {} s", options.name, options.timeout.count() / 1'000),
            door.endpoint(), "its actors may be busy, or wait for a deadline of their own",
            "backstagectl plugin info " + options.name + " shows where it stands"});
}

Fault refused(const Json& row) {
  return {exit_code::refused,
          "CTL-402",
          fmt::format("{} {} was refused", text_of(row, "id"), text_of(row, "version")),
          text_of(row, "file"),
          reason_of(row),
          text_of(row, "fix")};
}

std::string counted_actors(std::uint64_t count) {
  return count == 1 ? std::string{"1 actor"} : fmt::format("{} actors", count);
}

std::string serving(const Json& row) {
  return fmt::format("{} {} is {}, {}", text_of(row, "id"), text_of(row, "version"),
                     text_of(row, "state") == "probation"
                         ? "active, on probation: the version before it is kept"
                         : text_of(row, "state"),
                     counted_actors(row.value("actors", std::uint64_t{0})));
}

// What has become of the file with that content.
std::optional<Outcome<std::string>> fate_of(const Json& answer, const std::string& sha256) {
  for (const auto& row : rows_of(answer)) {
    if (text_of(row, "sha256") != sha256) continue;
    if (is_serving(row)) return serving(row);
    if (text_of(row, "state") == "rejected") return std::unexpected(refused(row));
  }
  return std::nullopt;
}

int tell(const Options& options, const std::string& text) {
  if (options.is_json) {
    fmt::print("{}\n", one_line(Json{{"ok", true}, {"id", options.name}, {"text", text}}));
  } else {
    fmt::print("{}\n", text::printable(text));
  }
  return exit_code::ok;
}

// Nothing of it runs any more, or ever did.
bool has_ended(const Json& row) {
  const auto state = text_of(row, "state");
  return state == "retired" || state == "unmapped" || state == "pinned" || state == "rejected";
}

// The daemon's rows of the plugin that is meant, before anything changes.
Outcome<std::vector<Json>> rows_meant(Door& door, const Options& options) {
  const auto answer = list(door);
  if (!answer) return std::unexpected(answer.error());
  return rows_named(*answer, options.name);
}

// Asks for one op. Its outcome shows in the list, later.
Outcome<Door> ask_for(const Options& options, const char* op) {
  auto door = Door::open(options);
  if (!door) return door;
  if (const auto rows = rows_meant(*door, options); !rows) return std::unexpected(rows.error());
  const auto answer = door->ask({{"op", op}, {"id", options.name}});
  if (!answer) return std::unexpected(answer.error());
  return door;
}

// Another look at a file has no end that shows: refused again looks as refused before.
Outcome<int> examine(const Options& options, const char* op) {
  if (const auto asked = ask_for(options, op); !asked) return std::unexpected(asked.error());
  return tell(options, fmt::format("{} is examined again; backstagectl plugin info {} shows the "
                                   "outcome",
                                   options.name, options.name));
}

// The file name under which the new version replaces the old one: two files of one id would
// compete.
std::string place_of(const std::vector<Json>& rows, const Options& options) {
  for (const auto& row : rows) {
    if (is_serving(row)) return file_name(row);
  }
  return rows.empty() ? std::filesystem::path{options.file}.filename().string()
                      : file_name(rows.back());
}

Outcome<int> upgrade_by_file(const Options& options) {
  const auto plugin = read_plugin(options.file, options.name);
  if (!plugin) return std::unexpected(plugin.error());
  auto door = Door::open(options);
  if (!door) return std::unexpected(door.error());
  const auto before = list(*door);
  if (!before) return std::unexpected(before.error());
  const auto directory = text_of(*before, "dir");
  if (directory.empty()) {
    return std::unexpected(Fault{exit_code::refused,
                                 "CTL-404",
                                 "the daemon does not say where its plugin directory is",
                                 door->endpoint(),
                                 {},
                                 "copy the file there yourself: cp it under a name that begins "
                                 "with a dot, then mv it to its own"});
  }
  const auto named = rows_named(*before, options.name);
  const auto place = place_of(named ? *named : std::vector<Json>{}, options);
  if (auto dropped = drop(*plugin, directory, place); !dropped) {
    return std::unexpected(dropped.error());
  }
  const auto outcome = wait_for(
      *door, options, [&plugin](const Json& answer) { return fate_of(answer, plugin->sha256); });
  if (!outcome) return std::unexpected(outcome.error());
  return tell(options, *outcome);
}

}  // namespace

Outcome<int> plugin_upgrade(const Options& options) {
  return options.file.empty() ? examine(options, "plugin_upgrade") : upgrade_by_file(options);
}

Outcome<int> plugin_retry(const Options& options) { return examine(options, "plugin_retry"); }

Outcome<int> plugin_rollback(const Options& options) {
  auto door = Door::open(options);
  if (!door) return std::unexpected(door.error());
  const auto before = rows_meant(*door, options);
  if (!before) return std::unexpected(before.error());
  std::string left;
  for (const auto& row : *before) {
    if (is_serving(row)) left = text_of(row, "sha256");
  }
  const auto answer = door->ask({{"op", "plugin_rollback"}, {"id", options.name}});
  if (!answer) return std::unexpected(answer.error());
  const auto outcome =
      wait_for(*door, options, [&](const Json& now) -> std::optional<Outcome<std::string>> {
        const auto rows = rows_named(now, options.name);
        if (!rows) return std::unexpected(rows.error());
        for (const auto& row : *rows) {
          if (is_serving(row) && text_of(row, "sha256") != left) return serving(row);
        }
        return std::nullopt;
      });
  if (!outcome) return std::unexpected(outcome.error());
  return tell(options, *outcome);
}

Outcome<int> plugin_rm(const Options& options) {
  auto door = Door::open(options);
  if (!door) return std::unexpected(door.error());
  const auto rows = rows_meant(*door, options);
  if (!rows) return std::unexpected(rows.error());
  const auto id = text_of(rows->front(), "id");
  if (id.empty()) {
    return std::unexpected(Fault{
        exit_code::refused, "CTL-406", fmt::format("{} has no id: it is no plugin", options.name),
        text_of(rows->front(), "file"), reason_of(rows->front()), "remove the file yourself"});
  }
  const auto answer = door->ask({{"op", "plugin_remove"}, {"id", id}});
  if (!answer) return std::unexpected(answer.error());
  std::uint64_t actors_left = 0;
  auto outcome =
      wait_for(*door, options, [&](const Json& now) -> std::optional<Outcome<std::string>> {
        const auto left = rows_named(now, id);
        if (!left) return id + ": removed";
        actors_left = 0;
        bool is_gone = true;
        for (const auto& row : *left) {
          is_gone = is_gone && has_ended(row);
          if (!is_serving(row)) actors_left += row.value("actors", std::uint64_t{0});
        }
        if (!is_gone || actors_left != 0) return std::nullopt;
        return id + ": removed, no actor is left";
      });
  if (!outcome && outcome.error().code == "CTL-403" && actors_left != 0) {
    outcome.error().what = fmt::format("{}: its file is removed, {} of it still live", id,
                                       counted_actors(actors_left));
    outcome.error().why = "actors that live keep the code they have; no new ones are made";
    outcome.error().next = "stop them by name, or leave them: backstagectl actors";
  }
  if (!outcome) return std::unexpected(outcome.error());
  return tell(options, *outcome);
}

}  // namespace backstage::ctl
