// From files that come to registered actor types.
#include "daemon/plugin_host/plugin_host.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "core/engine.hpp"
#include "daemon/plugin_gate/gate.hpp"
#include "daemon/plugin_host/plugin_actor.hpp"
#include "daemon/plugin_host/version.hpp"

namespace backstage::plugin_host {
namespace {

// Editors and copying tools leave such names behind while they work.
bool is_plugin_name(const std::string& name) {
  return name.ends_with(".so") && !name.starts_with('.');
}

std::expected<std::vector<std::string>, Refusal> files_of(const std::string& directory) {
  std::vector<std::string> files;
  std::error_code failed;
  std::filesystem::directory_iterator at{directory, failed};
  for (const std::filesystem::directory_iterator end; !failed && at != end; at.increment(failed)) {
    if (is_plugin_name(at->path().filename())) files.push_back(at->path());
  }
  if (failed) {
    return std::unexpected(Refusal{plugin_gate::token(plugin_gate::Code::unreadable),
                                   plugin_gate::printable(directory),
                                   fmt::format("it cannot be listed: {}", failed.message()),
                                   "check that the daemon's user may read it"});
  }
  std::ranges::sort(files);
  return files;
}

// Whether the same content would be refused again, whatever else is in the directory.
bool is_for_its_content(std::string_view code) {
  static constexpr std::array depends{Code::staging_failed, Code::older_version, Code::duplicate_id,
                                      Code::duplicate_type, Code::type_refused};
  return std::ranges::none_of(depends, [&](Code one) { return token(one) == code; });
}

}  // namespace

PluginHost::PluginHost(Engine& engine, Events& events, Options options)
    : engine_(engine),
      events_(events),
      options_(std::move(options)),
      loader_(engine, events, options_.loader),
      keepsakes_(options_.keepsakes),
      refused_(keepsakes_.refused()),
      kept_(refused_) {}

PluginHost::~PluginHost() { shutdown(std::chrono::milliseconds{0}); }

std::expected<PluginHost::Loaded, Refusal> PluginHost::load_directory(const std::string& directory,
                                                                      TimePoint now) {
  if (auto judged = plugin_gate::judge_directory(directory, loader_.rules()); !judged) {
    return std::unexpected(refusal_of(std::move(judged.error())));
  }
  auto files = files_of(directory);
  if (!files) return std::unexpected(std::move(files.error()));
  if (auto staging = loader_.open_staging(); !staging) {
    return std::unexpected(std::move(staging.error()));
  }
  std::vector<Candidate> candidates;
  for (const auto& file : *files) {
    auto judged = loader_.judge(file);
    if (judged) {
      candidates.push_back(std::move(*judged));
    } else {
      reject(std::move(judged.error()));
    }
  }
  std::vector<Claim> claims;
  claims.reserve(candidates.size());
  for (const auto& candidate : candidates) {
    claims.push_back({&candidate.file, &candidate.manifest});
  }
  for (const auto index : order_of(claims)) admit(std::move(candidates[index]), now);
  let_stand_in(now);

  Loaded loaded;
  for (const auto& plugin : list()) {
    ++(plugin.state == State::active ? loaded.active : loaded.rejected);
  }
  return loaded;
}

bool PluginHost::file_came(const std::string& file, TimePoint now) {
  for (const auto& record : records_) {
    if (record->info.file == plugin_gate::printable(file)) record->has_file = true;
  }
  auto judged = loader_.judge(file);
  forget_rejected(file);
  if (!judged) {
    const bool is_changing =
        judged.error().refusal.code == plugin_gate::token(plugin_gate::Code::changing);
    reject(std::move(judged.error()));
    return is_changing;
  }
  admit(std::move(*judged), now);
  return false;
}

void PluginHost::file_went(const std::string& file, TimePoint) {
  forget_rejected(file);
  const auto shown = plugin_gate::printable(file);
  for (const auto& record : records_) {
    if (record->info.file == shown) record->has_file = false;
  }
  for (auto& [id, line] : lines_) {
    if (line.waiting && line.waiting->file == file) line.waiting.reset();
  }
}

void PluginHost::admit(Candidate candidate, TimePoint now) {
  const auto& manifest = candidate.manifest;
  const auto reject_with = [&](Refusal why) {
    reject({info_of(candidate.file, manifest), std::move(why), nullptr});
  };
  if (const auto known = refused_.find(manifest.sha256); known != refused_.end()) {
    return reject_with(known->second);
  }
  if (auto clash = clash_of(candidate)) return reject_with(std::move(*clash));
  Line& line = lines_[manifest.id];
  if (line.upgrade != nullptr) {
    // The newest wins; those between are skipped.
    line.waiting.emplace(std::move(candidate));
    return;
  }
  const bool serves = line.current != nullptr && line.current->info.state != State::draining;
  if (serves && line.current->info.sha256 == manifest.sha256) {
    // Touched, written again as it was, or moved here.
    const std::lock_guard lock{mutex_};
    line.current->info.file = plugin_gate::printable(candidate.file);
    line.current->has_file = true;
    return;
  }
  begin(std::move(candidate), now);
}

// A file of another name stands beside that which serves only if it is newer; the same file, or one
// whose predecessor is gone, may be any version.
std::optional<Refusal> PluginHost::clash_of(const Candidate& candidate) const {
  std::vector<Claim> holders;
  const auto file = plugin_gate::printable(candidate.file);
  for (const auto& [id, line] : lines_) {
    if (line.current == nullptr || line.current->generation == nullptr) continue;
    const auto& manifest = line.current->generation->manifest();
    if (id == candidate.manifest.id) {
      const bool is_successor = line.current->info.file == file || !line.current->has_file ||
                                line.current->is_stand_in ||
                                compare_versions(candidate.manifest.version, manifest.version) > 0;
      if (is_successor) continue;
    }
    holders.push_back({&line.current->generation->file(), &manifest});
  }
  return conflict({&candidate.file, &candidate.manifest}, holders);
}

void PluginHost::begin(Candidate candidate, TimePoint now) {
  const std::string id = candidate.manifest.id;
  const std::string sha256 = candidate.manifest.sha256;
  if (lines_[id].current != nullptr) {
    if (auto why = private_library_of(candidate)) {
      return reject({info_of(candidate.file, candidate.manifest), std::move(*why), nullptr});
    }
  }
  auto loaded = loader_.load(std::move(candidate));
  if (!loaded) {
    if (is_for_its_content(loaded.error().refusal.code)) {
      note_refused(sha256, loaded.error().refusal, false);
    }
    return reject(std::move(loaded.error()));
  }
  Line& line = lines_[id];
  if (line.current != nullptr) return begin_upgrade(line, std::move(*loaded), now);

  Record record{info_of((*loaded)->file(), (*loaded)->manifest()), *loaded, make_types(*loaded)};
  (*loaded)->activate();
  if (auto added = add_types(record); !added) {
    record.types.clear();
    return reject({std::move(record.info), std::move(added.error()), std::move(*loaded)});
  }
  line.current = keep(std::move(record));
  establish(*line.current, now);
  events_.plugin_loaded(line.current->info);
}

// The loader keeps one library of a name: the new version would run on the old one's.
// Where the file that is there was refused, its last good content serves.
void PluginHost::let_stand_in(TimePoint now) {
  for (const auto& info : list()) {
    if (info.state != State::rejected || info.id.empty()) continue;
    if (const auto line = lines_.find(info.id); line != lines_.end() && line->second.current) {
      continue;
    }
    const auto file = keepsakes_.good_file(info.id);
    if (file.empty()) continue;
    auto judged = loader_.judge(file);
    if (!judged || judged->manifest.id != info.id || judged->manifest.sha256 == info.sha256) {
      continue;
    }
    begin(std::move(*judged), now);
    if (const auto& current = lines_[info.id].current) current->is_stand_in = true;
  }
}

void PluginHost::note_refused(const std::string& sha256, const Refusal& why, bool is_kept) {
  if (refused_.size() >= refused_max) refused_ = kept_;
  refused_.insert_or_assign(sha256, why);
  if (!is_kept) return;
  if (kept_.size() >= refused_max) kept_.clear();
  kept_.insert_or_assign(sha256, why);
  if (const auto kept = keepsakes_.keep_refused(kept_); !kept) {
    events_.plugin_log(Level::warn, {}, {}, kept.error());
  }
}

// It has earned its place: a restart that finds worse comes back to this.
void PluginHost::establish(Record& record, TimePoint now) {
  set_state(record, State::active, now);
  if (options_.keepsakes.empty() || record.is_stand_in) return;
  const auto file = record.generation->file();
  const auto admitted = plugin_gate::judge_file(file, loader_.rules());
  if (!admitted || admitted->manifest.sha256 != record.info.sha256) return;
  if (const auto kept = keepsakes_.keep_good(record.info.id, admitted->image); !kept) {
    events_.plugin_log(Level::warn, record.info.id, {}, kept.error());
  }
}

std::optional<Refusal> PluginHost::private_library_of(const Candidate& candidate) const {
  const auto own =
      plugin_gate::private_libraries(candidate.manifest.needed, [this](std::string_view library) {
        return plugin_gate::is_in_directories(library, system_libraries_);
      });
  if (own.empty()) return std::nullopt;
  return refuse(Code::private_library, candidate.file,
                fmt::format("it needs {}, a library of its own, of which the version before it has "
                            "mapped one already",
                            fmt::join(own, ", ")),
                "link that library statically, or restart the daemon")
      .error();
}

std::vector<ActorTypePtr> PluginHost::make_types(const std::shared_ptr<Generation>& generation) {
  std::vector<ActorTypePtr> types;
  const auto& theirs = generation->types();
  for (std::size_t i = 0; i < theirs.size(); ++i) {
    const auto settings =
        options_.settings_of ? options_.settings_of(theirs[i].name) : TypeSettings{};
    types.push_back(std::make_shared<const ActorType>(
        ActorType{.name = theirs[i].name,
                  .factory = std::make_shared<PluginFactory>(generation, i),
                  .mailbox = settings.mailbox,
                  .overflow = settings.overflow,
                  .supervision = settings.supervision,
                  .dispatcher = settings.dispatcher,
                  .turn_budget = settings.turn_budget}));
  }
  return types;
}

std::expected<void, Refusal> PluginHost::add_types(const Record& record) {
  for (std::size_t i = 0; i < record.types.size(); ++i) {
    const auto added = engine_.add_type(record.types[i]);
    if (added) continue;
    remove_types(record, i);
    const auto pinned = record.generation->retire(std::chrono::milliseconds{0});
    return refuse(
        Code::type_refused, record.generation->file(),
        fmt::format("the engine refuses its actor type '{}': {}{}{}", record.types[i]->name,
                    sentence(added.error()), pinned.empty() ? "" : "; ", pinned),
        "rename the type");
  }
  return {};
}

void PluginHost::remove_types(const Record& record, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    // Only absent when somebody else removed it, which is as good.
    static_cast<void>(engine_.remove_type(record.types[i]->name));
  }
}

void PluginHost::reject(Rejected rejected) {
  auto& [info, refusal, generation] = rejected;
  if (generation != nullptr) generation->host().close();
  info.state = State::rejected;
  info.file = std::move(refusal.file);
  info.code = refusal.code;
  info.reason = std::move(refusal.cause);
  info.fix = std::move(refusal.fix);
  events_.plugin_refused(info);
  keep(Record{std::move(info), std::move(generation), {}});
}

// Code of it that has run stays mapped with the record, so only the line of the list goes.
void PluginHost::forget_rejected(const std::string& file) {
  const auto shown = plugin_gate::printable(file);
  const std::lock_guard lock{mutex_};
  std::erase_if(records_, [&](const RecordPtr& record) {
    return record->info.state == State::rejected && record->info.file == shown &&
           record->generation == nullptr;
  });
}

PluginHost::RecordPtr PluginHost::keep(Record record) {
  if (record.generation != nullptr && record.info.generation == 0) {
    record.info.generation = ++generations_;
    record.info.load_micros = static_cast<std::uint64_t>(record.generation->load_time().count());
  }
  const auto kept = std::make_shared<Record>(std::move(record));
  const std::lock_guard lock{mutex_};
  records_.push_back(kept);
  return kept;
}

void PluginHost::set_state(Record& record, State state, TimePoint now) {
  record.since = now;
  {
    const std::lock_guard lock{mutex_};
    record.info.state = state;
    if (state != State::upgrading) record.info.progress.clear();
  }
  events_.plugin_changed(record.info);
}

std::vector<PluginInfo> PluginHost::list() const {
  const std::lock_guard lock{mutex_};
  std::vector<PluginInfo> all;
  for (const bool is_rejected : {false, true}) {
    for (const auto& record : records_) {
      if ((record->info.state == State::rejected) != is_rejected) continue;
      auto& info = all.emplace_back(record->info);
      if (record->generation == nullptr) continue;
      info.actors = record->generation->living();
      info.actors_made = record->generation->made();
      info.failures = record->generation->failures();
      info.metrics = record->generation->host().metrics().list();
    }
  }
  return all;
}

}  // namespace backstage::plugin_host
