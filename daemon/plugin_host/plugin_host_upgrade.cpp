// PluginHost's upgrades: a newer generation moves in, is watched for a while, and may have to go.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/engine.hpp"
#include "daemon/plugin_host/plugin_host.hpp"

namespace backstage::plugin_host {
namespace {

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

Upgrade::Rules PluginHost::upgrade_rules(bool has_canary) const {
  return {.on_incompatible = options_.on_incompatible,
          .drain_first = has_canary && options_.drain_first,
          .has_canary = has_canary,
          .deadline = options_.upgrade_deadline};
}

void PluginHost::begin_upgrade(Line& line, std::shared_ptr<Generation> generation, TimePoint now) {
  Record next{info_of(generation->file(), generation->manifest()), generation,
              make_types(generation)};
  auto plan = plan_upgrade(line.current->generation->types(), generation->types(),
                           options_.on_incompatible);
  if (auto why = hindrance(*line.current, next, plan)) {
    next.types.clear();
    static_cast<void>(generation->retire(std::chrono::milliseconds{0}));
    note_refused(generation->manifest().sha256, *why, false);
    return reject({std::move(next.info), std::move(*why), std::move(generation)});
  }
  // One that was on probation itself: what it came from is not the way back any more.
  if (line.former != nullptr) begin_draining(std::exchange(line.former, nullptr), now);
  generation->activate();
  line.next = keep(std::move(next));
  line.is_way_back = false;
  set_state(*line.next, State::upgrading, now);
  line.upgrade = std::make_unique<Upgrade>(
      engine_, Upgrade::Side{line.current->generation, line.current->types},
      Upgrade::Side{line.next->generation, line.next->types}, std::move(plan), upgrade_rules(true),
      now);
}

// What forbids the upgrade before any actor is touched.
std::optional<Refusal> PluginHost::hindrance(const Record& current, const Record& next,
                                             const std::vector<TypePassage>& plan) const {
  const auto& file = next.generation->file();
  for (const auto& type : next.types) {
    const auto is_same = [&](const ActorTypePtr& other) { return other->name == type->name; };
    const bool is_new = std::ranges::none_of(current.types, is_same);
    if (is_new && std::ranges::any_of(engine_.types(), is_same)) {
      return refuse(Code::type_refused, file,
                    fmt::format("the engine has an actor type '{}' already", type->name),
                    "rename the type")
          .error();
    }
  }
  if (options_.on_incompatible != OnIncompatible::refuse) return std::nullopt;
  for (const auto& entry : plan) {
    if (entry.passage != Passage::none) continue;
    const auto count = engine_.actors_of(*current.types[entry.from]).size();
    if (count == 0) continue;
    return refuse(Code::incompatible, file,
                  fmt::format("{} of its actors cannot move from version {} to {}: {}", count,
                              current.info.version, next.info.version, entry.reason),
                  "give it a load for that state, or set plugins.on_incompatible to keep_old or "
                  "restart_fresh")
        .error();
  }
  return std::nullopt;
}

void PluginHost::look_at_upgrade(Line& line, TimePoint now) {
  const auto status = line.upgrade->look(now);
  if (line.straggler != nullptr) {
    if (status == Upgrade::Status::done) finish_straggling(line);
    return;
  }
  {
    const std::lock_guard lock{mutex_};
    const auto& shown = line.is_way_back ? line.former : line.next;
    shown->info.progress = line.upgrade->progress();
  }
  if (status == Upgrade::Status::done) {
    return line.is_way_back ? finish_way_back(line, now) : finish_upgrade(line, now);
  }
  if (status != Upgrade::Status::failed) return;
  const auto& next = line.next->generation;
  const auto why = refuse(Code::upgrade_failed, next->file(),
                          fmt::format("an actor could not move from version {} to {}: {}",
                                      line.current->info.version, line.next->info.version,
                                      line.upgrade->report().reason),
                          "correct its save or load; the version before it goes on")
                       .error();
  line.former = std::exchange(line.current, std::exchange(line.next, nullptr));
  begin_way_back(line, why, now);
}

void PluginHost::finish_upgrade(Line& line, TimePoint now) {
  const auto report = line.upgrade->report();
  line.upgrade.reset();
  line.former = std::exchange(line.current, std::exchange(line.next, nullptr));
  line.failures_before = line.current->generation->failures();
  line.former->generation->drain();
  set_state(*line.former, State::draining, now);
  events_.plugin_upgraded(line.current->info, line.former->info, report);
  if (options_.probation > Duration::zero()) {
    return set_state(*line.current, State::probation, now);
  }
  establish(*line.current, now);
  begin_draining(std::exchange(line.former, nullptr), now);
}

void PluginHost::look_at_probation(Line& line, TimePoint now) {
  const auto failures = line.current->generation->failures() - line.failures_before;
  if (options_.probation_failures_max != 0 && failures >= options_.probation_failures_max) {
    const auto why =
        refuse(Code::rolled_back, line.current->generation->file(),
               fmt::format("its actors failed {} times within {:.3g} s of the upgrade from version "
                           "{} to {}",
                           failures, seconds(now - line.current->since), line.former->info.version,
                           line.current->info.version),
               "see the failures in the log, and drop a corrected file")
            .error();
    return begin_way_back(line, why, now);
  }
  if (now - line.current->since < options_.probation) return;
  establish(*line.current, now);
  begin_draining(std::exchange(line.former, nullptr), now);
}

// Actors that stayed behind an earlier upgrade, or could not go back: what serves now may take
// them.
void PluginHost::begin_straggling(Line& line, TimePoint now) {
  const auto state = line.current->info.state;
  if (state != State::active && state != State::probation) return;
  for (const auto& record : records_) {
    const bool is_older = record->info.id == line.current->info.id &&
                          record->info.state == State::draining && record != line.former &&
                          record->offered != line.current->info.generation;
    if (!is_older || record->generation == nullptr || !is_alive(*record)) continue;
    line.straggler = record;
    auto rules = upgrade_rules(false);
    rules.switches_names = false;
    line.upgrade = std::make_unique<Upgrade>(
        engine_, Upgrade::Side{record->generation, record->types},
        Upgrade::Side{line.current->generation, line.current->types},
        plan_upgrade(record->generation->types(), line.current->generation->types(),
                     options_.on_incompatible),
        rules, now);
    return;
  }
}

void PluginHost::finish_straggling(Line& line) {
  line.upgrade.reset();
  std::exchange(line.straggler, nullptr)->offered = line.current->info.generation;
}

// current is what failed, former what is to serve again.
void PluginHost::begin_way_back(Line& line, Refusal why, TimePoint now) {
  // After a restart there is nobody to move: only what failed in service is kept out then.
  note_refused(line.current->info.sha256, why, why.code == token(Code::rolled_back));
  line.why_back = std::move(why);
  line.is_way_back = true;
  line.former->generation->activate();
  set_state(*line.former, State::upgrading, now);
  // The one that failed makes no new actors: names lead back at once.
  line.upgrade.reset();
  auto plan = plan_upgrade(line.current->generation->types(), line.former->generation->types(),
                           options_.on_incompatible);
  line.upgrade = std::make_unique<Upgrade>(
      engine_, Upgrade::Side{line.current->generation, line.current->types},
      Upgrade::Side{line.former->generation, line.former->types}, std::move(plan),
      upgrade_rules(false), now);
}

void PluginHost::finish_way_back(Line& line, TimePoint now) {
  const auto report = line.upgrade->report();
  line.upgrade.reset();
  line.is_way_back = false;
  const RecordPtr failed = std::exchange(line.current, std::exchange(line.former, nullptr));
  {
    const std::lock_guard lock{mutex_};
    failed->info.code = line.why_back.code;
    failed->info.reason = line.why_back.cause;
    failed->info.fix = line.why_back.fix;
    if (report.kept != 0) {
      failed->info.reason +=
          fmt::format("; {} of its actors could not go back and stay what they are: {}",
                      report.kept, plugin_gate::printable(report.reason));
    }
  }
  set_state(*line.current, State::active, now);
  events_.plugin_rolled_back(failed->info, line.current->info, report);
  begin_draining(failed, now);
}

std::expected<void, std::string> PluginHost::roll_back(std::string_view id, TimePoint now) {
  const auto found = lines_.find(id);
  if (found == lines_.end() || found->second.current == nullptr) {
    return std::unexpected(fmt::format("there is no plugin {}", id));
  }
  Line& line = found->second;
  if (line.upgrade != nullptr) {
    return std::unexpected(
        fmt::format("an upgrade of {} is under way; ask again when it is over", id));
  }
  if (line.former == nullptr) {
    return std::unexpected(
        fmt::format("the version before {} {} is not kept any more; drop its file to have it back",
                    id, line.current->info.version));
  }
  const auto why =
      refuse(Code::rolled_back, line.current->generation->file(),
             fmt::format("somebody asked for the version before {}", line.current->info.version),
             "drop a corrected file, or retry it")
          .error();
  begin_way_back(line, why, now);
  return {};
}

std::expected<void, std::string> PluginHost::retry(std::string_view which, TimePoint now) {
  std::vector<std::string> files;
  for (const auto& record : records_) {
    const auto& info = record->info;
    const auto name = info.file.substr(info.file.find_last_of('/') + 1);
    if (record->is_stand_in || (info.id != which && name != which)) continue;
    if (std::ranges::find(files, info.file) == files.end()) files.push_back(info.file);
    refused_.erase(info.sha256);
    if (kept_.erase(info.sha256) != 0) (void)keepsakes_.keep_refused(kept_);
    loader_.forgive(info.sha256);
  }
  if (files.empty()) {
    return std::unexpected(fmt::format("there is no plugin or file {}", which));
  }
  for (const auto& file : files) (void)file_came(file, now);
  return {};
}

}  // namespace backstage::plugin_host
