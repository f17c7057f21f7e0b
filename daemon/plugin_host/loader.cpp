// One file's way in: judged, staged, tried, mapped, entered, initialised.
#include "daemon/plugin_host/loader.hpp"

#include <fmt/format.h>

#include <utility>

#include "daemon/plugin_gate/unique.hpp"

namespace backstage::plugin_host {
namespace {

using SteadyClock = std::chrono::steady_clock;

std::chrono::microseconds since(SteadyClock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - start);
}

}  // namespace

PluginInfo info_of(const std::string& file, const plugin_gate::Manifest& manifest) {
  PluginInfo info;
  info.file = plugin_gate::printable(file);
  info.id = manifest.id;
  info.version = manifest.version;
  info.sha256 = manifest.sha256;
  info.types = manifest.types;
  return info;
}

Loader::Loader(Engine& engine, Events& events, Options options)
    : engine_(engine), events_(events), options_(std::move(options)) {}

std::expected<void, Refusal> Loader::open_staging() {
  auto staging = Staging::open(options_.staging_parents, options_.staging_probe);
  if (!staging) return std::unexpected(std::move(staging.error()));
  staging_.emplace(std::move(*staging));
  return {};
}

std::expected<Candidate, Rejected> Loader::judge(const std::string& file) {
  const auto start = SteadyClock::now();
  auto admitted = plugin_gate::judge_file(file, options_.rules);
  if (!admitted) {
    PluginInfo info;
    info.sha256 = admitted.error().sha256;
    info.load_micros = static_cast<std::uint64_t>(since(start).count());
    return std::unexpected(
        Rejected{std::move(info), refusal_of(std::move(admitted.error())), nullptr});
  }
  auto& manifest = admitted->manifest;
  if (options_.veto) {
    if (auto why = options_.veto(file, manifest)) {
      return std::unexpected(Rejected{info_of(file, manifest), std::move(*why), nullptr});
    }
  }
  if (options_.demotes_unique) plugin_gate::demote_unique(admitted->image);
  const auto name =
      fmt::format("{}-{}-{}", manifest.id, manifest.version, manifest.sha256.substr(0, 8));
  auto staged = staging_->stage(file, name, admitted->image);
  if (!staged) {
    return std::unexpected(Rejected{info_of(file, manifest), std::move(staged.error()), nullptr});
  }
  return Candidate{file, std::move(manifest), std::move(*staged), since(start)};
}

std::expected<std::shared_ptr<Generation>, Rejected> Loader::load(Candidate candidate) {
  const auto start = SteadyClock::now();
  auto info = info_of(candidate.file, candidate.manifest);
  const auto before = candidate.spent;
  const auto refused = [&](Refusal refusal, std::shared_ptr<Generation> generation) {
    if (generation != nullptr) generation->host().close();
    info.load_micros = static_cast<std::uint64_t>((before + since(start)).count());
    return std::unexpected(Rejected{std::move(info), std::move(refusal), std::move(generation)});
  };
  if (options_.trial && !tried_.contains(candidate.manifest.sha256)) {
    auto tried = options_.trial(candidate.file, candidate.staged.path());
    if (!tried) return refused(std::move(tried.error()), nullptr);
    if (tried_.size() >= tried_max) tried_.clear();
    tried_.insert(candidate.manifest.sha256);
  }
  auto host = std::make_unique<HostApi>(
      engine_, events_, PluginIdentity{candidate.manifest, candidate.file}, host_version);
  auto mapped = Generation::map(candidate.file, std::move(candidate.manifest),
                                std::move(candidate.staged), std::move(host));
  if (!mapped) return refused(std::move(mapped.error()), nullptr);
  if (auto started = start_up(**mapped); !started) {
    return refused(std::move(started.error()), std::move(*mapped));
  }
  (*mapped)->set_load_time(before + since(start));
  return std::move(*mapped);
}

void Loader::forgive(std::string_view sha256) {
  if (const auto known = tried_.find(sha256); known != tried_.end()) tried_.erase(known);
  if (options_.forgive) options_.forgive(sha256);
}

std::expected<void, Refusal> Loader::start_up(Generation& generation) {
  if (auto entered = generation.enter(); !entered) return entered;
  const auto config =
      options_.config_of ? options_.config_of(generation.manifest().id) : std::string{};
  return generation.init(config);
}

std::string_view Loader::staging_directory() const noexcept {
  return staging_ ? staging_->directory() : std::string_view{};
}

std::vector<std::string> Loader::staging_notes() const {
  return staging_ ? staging_->passed_over() : std::vector<std::string>{};
}

}  // namespace backstage::plugin_host
