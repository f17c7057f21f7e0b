// From a directory of files to registered actor types, and back at the end.
#include "daemon/plugin_host/plugin_host.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "core/engine.hpp"
#include "daemon/plugin_gate/gate.hpp"
#include "daemon/plugin_host/plugin_actor.hpp"

namespace backstage::plugin_host {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Shown to plugins as bs_api::host_version.
constexpr const char* host_version = BACKSTAGE_VERSION;

const plugin_gate::Rules gate_rules{.abi = {.major = BS_ABI_MAJOR, .minor = BS_ABI_MINOR}};

std::uint64_t micros_since(SteadyClock::time_point start) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - start).count());
}

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

PluginInfo info_of(const std::string& file, const plugin_gate::Manifest& manifest) {
  PluginInfo info;
  info.file = plugin_gate::printable(file);
  info.id = manifest.id;
  info.version = manifest.version;
  info.sha256 = manifest.sha256;
  info.types = manifest.types;
  return info;
}

}  // namespace

// A file the gate let through, staged and not yet mapped.
struct PluginHost::Candidate {
  std::string file;
  plugin_gate::Manifest manifest;
  StagedFile staged;
  std::chrono::microseconds spent;
};

PluginHost::PluginHost(Engine& engine, Events& events, Options options)
    : engine_(engine), events_(events), options_(std::move(options)) {}

PluginHost::~PluginHost() { shutdown(std::chrono::milliseconds{0}); }

std::expected<PluginHost::Loaded, Refusal> PluginHost::load_directory(
    const std::string& directory) {
  if (auto judged = plugin_gate::judge_directory(directory, gate_rules); !judged) {
    return std::unexpected(refusal_of(std::move(judged.error())));
  }
  auto files = files_of(directory);
  if (!files) return std::unexpected(std::move(files.error()));
  auto staging = Staging::open(options_.staging_parents, options_.staging_probe);
  if (!staging) return std::unexpected(std::move(staging.error()));
  staging_.emplace(std::move(*staging));

  std::vector<Candidate> candidates;
  for (const auto& file : *files) {
    if (auto candidate = judge(file)) candidates.push_back(std::move(*candidate));
  }
  std::vector<Claim> claims;
  claims.reserve(candidates.size());
  for (const auto& candidate : candidates) {
    claims.push_back({&candidate.file, &candidate.manifest});
  }
  for (const auto index : order_of(claims)) load(std::move(candidates[index]));

  Loaded loaded;
  for (const auto& plugin : list()) {
    ++(plugin.state == State::active ? loaded.active : loaded.rejected);
  }
  return loaded;
}

std::optional<PluginHost::Candidate> PluginHost::judge(const std::string& file) {
  const auto start = SteadyClock::now();
  auto admitted = plugin_gate::judge_file(file, gate_rules);
  if (!admitted) {
    PluginInfo info;
    info.sha256 = admitted.error().sha256;
    info.load_micros = micros_since(start);
    reject(std::move(info), refusal_of(std::move(admitted.error())), nullptr);
    return std::nullopt;
  }
  auto& manifest = admitted->manifest;
  const auto name =
      fmt::format("{}-{}-{}", manifest.id, manifest.version, manifest.sha256.substr(0, 8));
  auto staged = staging_->stage(file, name, admitted->image);
  if (!staged) {
    reject(info_of(file, manifest), std::move(staged.error()), nullptr);
    return std::nullopt;
  }
  return Candidate{file, std::move(manifest), std::move(*staged),
                   std::chrono::microseconds{micros_since(start)}};
}

void PluginHost::load(Candidate candidate) {
  const auto start = SteadyClock::now();
  auto info = info_of(candidate.file, candidate.manifest);
  const auto spent = [&] {
    return micros_since(start) + static_cast<std::uint64_t>(candidate.spent.count());
  };
  const auto refused = [&](Refusal refusal, std::shared_ptr<Generation> generation) {
    info.load_micros = spent();
    reject(std::move(info), std::move(refusal), std::move(generation));
  };
  if (auto clash = conflict({&candidate.file, &candidate.manifest}, holders())) {
    return refused(std::move(*clash), nullptr);
  }
  auto host = std::make_unique<HostApi>(engine_, events_, candidate.manifest.id, host_version);
  auto mapped = Generation::map(candidate.file, std::move(candidate.manifest),
                                std::move(candidate.staged), std::move(host));
  if (!mapped) return refused(std::move(mapped.error()), nullptr);
  if (auto started = start_up(**mapped); !started) {
    return refused(std::move(started.error()), std::move(*mapped));
  }
  if (auto added = add_types(*mapped); !added) {
    return refused(std::move(added.error()), std::move(*mapped));
  }
  info.state = State::active;
  info.load_micros = spent();
  events_.plugin_loaded(info);
  keep(Record{std::move(info), std::move(*mapped)});
}

std::expected<void, Refusal> PluginHost::start_up(Generation& generation) {
  if (auto entered = generation.enter(); !entered) return entered;
  const auto config =
      options_.config_of ? options_.config_of(generation.manifest().id) : std::string{};
  return generation.init(config);
}

std::expected<void, Refusal> PluginHost::add_types(const std::shared_ptr<Generation>& generation) {
  generation->activate();
  const auto& types = generation->types();
  for (std::size_t i = 0; i < types.size(); ++i) {
    const auto settings =
        options_.settings_of ? options_.settings_of(types[i].name) : TypeSettings{};
    const auto added = engine_.add_type({.name = types[i].name,
                                         .factory = std::make_shared<PluginFactory>(generation, i),
                                         .mailbox = settings.mailbox,
                                         .overflow = settings.overflow,
                                         .supervision = settings.supervision,
                                         .dispatcher = settings.dispatcher,
                                         .turn_budget = settings.turn_budget});
    if (added) continue;
    remove_types(*generation, i);
    const auto pinned = generation->retire(std::chrono::milliseconds{0});
    return refuse(Code::type_refused, generation->file(),
                  fmt::format("the engine refuses its actor type '{}': {}{}{}", types[i].name,
                              sentence(added.error()), pinned.empty() ? "" : "; ", pinned),
                  "rename the type");
  }
  return {};
}

void PluginHost::remove_types(const Generation& generation, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    // Only absent when somebody else removed it, which is as good.
    static_cast<void>(engine_.remove_type(generation.types()[i].name));
  }
}

void PluginHost::reject(PluginInfo info, Refusal refusal, std::shared_ptr<Generation> generation) {
  if (generation != nullptr) generation->host().close();
  info.state = State::rejected;
  info.file = std::move(refusal.file);
  info.code = refusal.code;
  info.reason = std::move(refusal.cause);
  info.fix = std::move(refusal.fix);
  events_.plugin_refused(info);
  keep(Record{std::move(info), std::move(generation)});
}

void PluginHost::keep(Record record) {
  const std::lock_guard lock{mutex_};
  records_.push_back(std::move(record));
}

std::vector<Claim> PluginHost::holders() const {
  const std::lock_guard lock{mutex_};
  std::vector<Claim> claims;
  for (const auto& record : records_) {
    if (record.info.state != State::active) continue;
    claims.push_back({&record.generation->file(), &record.generation->manifest()});
  }
  return claims;
}

std::vector<PluginInfo> PluginHost::list() const {
  const std::lock_guard lock{mutex_};
  std::vector<PluginInfo> all;
  for (const bool is_rejected : {false, true}) {
    for (const auto& record : records_) {
      if ((record.info.state == State::rejected) != is_rejected) continue;
      auto& info = all.emplace_back(record.info);
      if (record.generation == nullptr) continue;
      info.actors = record.generation->living();
      info.actors_made = record.generation->made();
    }
  }
  return all;
}

std::string_view PluginHost::staging_directory() const noexcept {
  return staging_ ? staging_->directory() : std::string_view{};
}

std::vector<std::string> PluginHost::staging_notes() const {
  return staging_ ? staging_->passed_over() : std::vector<std::string>{};
}

void PluginHost::shutdown(std::chrono::milliseconds deadline) {
  const auto end = SteadyClock::now() + deadline;
  // Copies of what to retire: no lock is held while a plugin runs. Records are written on this
  // thread only, so their places stay.
  std::vector<std::pair<std::size_t, std::shared_ptr<Generation>>> active;
  {
    const std::lock_guard lock{mutex_};
    for (std::size_t i = 0; i < records_.size(); ++i) {
      if (records_[i].info.state == State::active) active.emplace_back(i, records_[i].generation);
    }
  }
  for (const auto& [index, generation] : active) {
    remove_types(*generation, generation->types().size());
  }
  std::ranges::reverse(active);
  for (const auto& [index, generation] : active) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - SteadyClock::now());
    const auto why = generation->retire(std::max(left, std::chrono::milliseconds{0}));
    const auto info = note_retired(index, *generation, why);
    if (!why.empty()) events_.plugin_pinned(info);
  }
}

PluginInfo PluginHost::note_retired(std::size_t index, const Generation& generation,
                                    const std::string& why) {
  const std::lock_guard lock{mutex_};
  auto& info = records_[index].info;
  info.state = generation.state();
  info.actors = generation.living();
  if (!why.empty()) {
    info.code = "PINNED";
    info.reason = plugin_gate::printable(why);
    info.fix = "stop its actors first and join its threads in quiesce; its code stays mapped";
  }
  return info;
}

}  // namespace backstage::plugin_host
