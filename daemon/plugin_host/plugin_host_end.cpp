// PluginHost's ends: files that are gone, generations that nobody needs, code that may be unmapped.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "core/engine.hpp"
#include "daemon/plugin_host/plugin_host.hpp"

namespace backstage::plugin_host {
namespace {

using SteadyClock = std::chrono::steady_clock;

// How often to look where nothing is urgent: at probations, and whether the last actor has ended.
constexpr Duration calm_interval = std::chrono::milliseconds{100};

bool is_over(State state) {
  return state == State::retired || state == State::unmapped || state == State::rejected;
}

}  // namespace

TimePoint PluginHost::look(TimePoint now) {
  bool is_urgent = false;
  bool is_waiting = false;
  for (auto& [id, line] : lines_) {
    if (line.upgrade != nullptr) look_at_upgrade(line, now);
    if (line.upgrade == nullptr && line.current != nullptr) {
      if (line.current->info.state == State::probation) look_at_probation(line, now);
    }
    if (line.upgrade == nullptr && line.waiting) {
      auto candidate = std::move(*line.waiting);
      line.waiting.reset();
      admit(std::move(candidate), now);
    }
    if (line.upgrade == nullptr && line.current != nullptr) look_at_removal(line, now);
    if (line.upgrade == nullptr && line.current != nullptr) begin_straggling(line, now);
    is_urgent = is_urgent || line.upgrade != nullptr;
    is_waiting = is_waiting || line.former != nullptr;
  }
  look_at_ends(now);
  forget_old();
  if (is_urgent) return now + Upgrade::look_interval;
  for (const auto& record : records_) {
    const auto state = record->info.state;
    is_waiting = is_waiting || state == State::draining ||
                 (state == State::retired && record->generation != nullptr);
  }
  return is_waiting ? now + calm_interval : never;
}

// Another file of the same plugin, which was refused beside it, takes its place.
void PluginHost::look_at_removal(Line& line, TimePoint now) {
  if (line.current->has_file || line.current->is_stand_in) return line.tried_instead.clear();
  const auto& id = line.current->info.id;
  const auto other = std::ranges::find_if(records_, [&](const RecordPtr& record) {
    return record->info.state == State::rejected && record->info.id == id && record->has_file &&
           !refused_.contains(record->info.sha256) &&
           !line.tried_instead.contains(record->info.sha256);
  });
  if (other != records_.end()) {
    line.tried_instead.insert((*other)->info.sha256);
    // A copy: the record goes with its next try.
    (void)file_came(std::string{(*other)->info.file}, now);
    return;
  }
  if (!options_.drains_removed || line.current->info.state == State::draining) return;
  remove_types(*line.current, line.current->types.size());
  if (line.former != nullptr) begin_draining(std::exchange(line.former, nullptr), now);
  begin_draining(line.current, now);
}

void PluginHost::begin_draining(const RecordPtr& record, TimePoint now) {
  record->generation->drain();
  if (record->info.state != State::draining) set_state(*record, State::draining, now);
}

bool PluginHost::is_in_use(const Record& record) const {
  return std::ranges::any_of(lines_, [&](const auto& entry) {
    const Line& line = entry.second;
    const bool is_going = line.current.get() == &record && record.info.state == State::draining &&
                          !record.has_file && line.upgrade == nullptr;
    if (is_going) return false;
    return line.current.get() == &record || line.former.get() == &record ||
           line.next.get() == &record || line.straggler.get() == &record;
  });
}

void PluginHost::look_at_ends(TimePoint now) {
  for (std::size_t i = 0; i < records_.size(); ++i) {
    Record& record = *records_[i];
    if (record.generation == nullptr) continue;
    const auto state = record.info.state;
    if (state == State::draining && !is_in_use(record) && !is_alive(record)) retire(record, now);
    const bool may_unmap =
        record.generation->state() == State::retired && now - record.since >= options_.unload_grace;
    if (may_unmap && options_.unloads) unmap(record, now);
  }
}

// One that waits for its next self, or is parked, has none at this moment, and is alive.
bool PluginHost::is_alive(const Record& record) const {
  if (record.generation->living() != 0) return true;
  return std::ranges::any_of(
      record.types, [&](const ActorTypePtr& type) { return !engine_.actors_of(*type).empty(); });
}

void PluginHost::retire(Record& record, TimePoint now) {
  std::erase_if(lines_, [&](const auto& entry) { return entry.second.current.get() == &record; });
  record.types.clear();
  const auto why = record.generation->retire(options_.quiesce_time);
  if (why.empty()) {
    // One that was refused by its behaviour goes on being shown as refused.
    return set_state(record, record.info.code.empty() ? State::retired : State::rejected, now);
  }
  {
    const std::lock_guard lock{mutex_};
    record.info.code = "PINNED";
    record.info.reason = plugin_gate::printable(why);
    record.info.fix = "join its threads in quiesce; its code stays mapped";
  }
  set_state(record, State::pinned, now);
  events_.plugin_pinned(record.info);
}

// Actors and types hold the generation: when nobody but its record does, no code of it can run.
void PluginHost::unmap(Record& record, TimePoint now) {
  if (record.generation.use_count() != 1) return;
  const auto why = record.generation->unmap();
  if (why.empty()) {
    {
      const std::lock_guard lock{mutex_};
      record.info.actors_made = record.generation->made();
      record.info.failures = record.generation->failures();
      record.info.actors = 0;
    }
    std::shared_ptr<Generation> last;
    {
      const std::lock_guard lock{mutex_};
      last.swap(record.generation);
    }
    if (record.info.state != State::rejected) set_state(record, State::unmapped, now);
    return;
  }
  if (record.generation->state() == State::retired) {
    // Its own wish: it stays as it is, and is not asked again.
    record.since = never;
    const std::lock_guard lock{mutex_};
    record.info.reason = why;
    return;
  }
  {
    const std::lock_guard lock{mutex_};
    record.info.code = "PINNED";
    record.info.reason = why;
    record.info.fix = "nothing: it is unused memory; see generations in the plugins list";
  }
  set_state(record, State::pinned, now);
  events_.plugin_pinned(record.info);
}

// What is over and unmapped is only history, of which the newest matter.
void PluginHost::forget_old() {
  const std::lock_guard lock{mutex_};
  std::map<std::string, std::size_t> seen;
  for (std::size_t i = records_.size(); i-- > 0;) {
    const Record& record = *records_[i];
    if (!is_over(record.info.state) || record.generation != nullptr) continue;
    const bool is_shown_by_file = record.info.state == State::rejected && record.has_file;
    if (++seen[record.info.id] <= history_max || is_shown_by_file) continue;
    records_.erase(records_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

void PluginHost::shutdown(std::chrono::milliseconds deadline) {
  const auto end = SteadyClock::now() + deadline;
  for (auto& [id, line] : lines_) line.upgrade.reset();
  std::vector<RecordPtr> serving;
  for (const auto& record : records_) {
    if (record->generation != nullptr && record->generation->is_serving()) {
      serving.push_back(record);
    }
  }
  lines_.clear();
  for (const auto& record : serving) remove_types(*record, record->types.size());
  std::ranges::reverse(serving);
  for (const auto& record : serving) {
    record->types.clear();
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - SteadyClock::now());
    const auto why = record->generation->retire(std::max(left, std::chrono::milliseconds{0}));
    {
      const std::lock_guard lock{mutex_};
      record->info.state = record->generation->state();
      record->info.actors = record->generation->living();
      if (!why.empty()) {
        record->info.code = "PINNED";
        record->info.reason = plugin_gate::printable(why);
        record->info.fix =
            "stop its actors first and join its threads in quiesce; its code stays mapped";
      }
    }
    if (!why.empty()) events_.plugin_pinned(record->info);
  }
}

}  // namespace backstage::plugin_host
