// Copies files into a plugin directory of the stage's own, and enters what is linked in.
#include "plugins/testkit/troupe.hpp"

#include <fmt/format.h>
#include <stdlib.h>

#include <filesystem>
#include <system_error>

#include "daemon/plugin_host/inert_api.hpp"
#include "daemon/plugin_host/plugin_actor.hpp"

namespace backstage::testkit {
namespace {

namespace fs = std::filesystem;
using plugin_host::Generation;
using plugin_host::HostApi;
using plugin_host::Refusal;
using plugin_host::State;

// As a plugin sees it that asks for its host's version.
constexpr const char* host_version = "testkit";

std::string make_root() {
  std::string name = (fs::temp_directory_path() / "backstage-stage-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw failure("no_directory", "no temporary directory could be made like " + name);
  }
  fs::create_directory(name + "/plugins");
  fs::create_directory(name + "/run");
  return name;
}

[[noreturn]] void refused(const Refusal& refusal) {
  throw failure(std::string{refusal.code},
                fmt::format("{}: {}; {}", refusal.file, refusal.cause, refusal.fix));
}

// What the note of its file would say.
plugin_gate::Manifest manifest_of(plugin_host::Library::Entry entry) {
  const plugin_host::InertApi inert{host_version};
  const bs_plugin* const plugin = entry == nullptr ? nullptr : entry(inert.table());
  if (plugin == nullptr || plugin->id == nullptr || plugin->version == nullptr) {
    throw failure("ENTRY_REFUSED",
                  "the linked-in plugin's entry refuses this host: " + std::string{inert.error()});
  }
  plugin_gate::Manifest manifest;
  manifest.id = plugin->id;
  manifest.version = plugin->version;
  manifest.abi_major = plugin->abi_major;
  manifest.flags = plugin->flags;
  for (std::uint32_t i = 0; i < plugin->type_count; ++i) {
    manifest.types.emplace_back(plugin->types[i]->name);
  }
  return manifest;
}

}  // namespace

void Script::plugin_log(plugin_host::Level level, std::string_view, std::string_view actor,
                        std::string_view text) noexcept {
  const std::lock_guard lock{mutex_};
  static constexpr std::string_view names[] = {"debug", "info", "warn", "error"};
  lines_.push_back(
      {std::string{names[static_cast<std::size_t>(level)]}, std::string{actor}, std::string{text}});
}
std::vector<log_line> Script::lines() const {
  const std::lock_guard lock{mutex_};
  return lines_;
}
void Script::plugin_upgraded(const plugin_host::PluginInfo&, const plugin_host::PluginInfo&,
                             const plugin_host::UpgradeReport& report) noexcept {
  hindrance = report.reason;
}
void Script::plugin_rolled_back(const plugin_host::PluginInfo& failed,
                                const plugin_host::PluginInfo&,
                                const plugin_host::UpgradeReport&) noexcept {
  hindrance = failed.reason;
}

Troupe::Troupe(Engine& engine, Clock& clock, std::function<void(Duration)> advance)
    : engine_(engine), clock_(clock), advance_(std::move(advance)), root_(make_root()) {}

Troupe::~Troupe() {
  host_.reset();
  for (const auto& generation : built_in_) (void)generation->retire(std::chrono::seconds{2});
  built_in_.clear();
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

void Troupe::configure(std::string_view plugin_id, std::string_view config) {
  configs_.insert_or_assign(std::string{plugin_id}, std::string{config});
}

std::string Troupe::place(const std::string& file) {
  fs::path target = fs::path{root_} / "plugins" / fs::path{file}.filename();
  // The host passes over other names; a wrong file is to be refused by name.
  if (target.extension() != ".so") target += ".so";
  std::error_code failed;
  fs::copy_file(file, target, fs::copy_options::overwrite_existing, failed);
  if (!failed) {
    fs::permissions(target, fs::perms::owner_read | fs::perms::owner_write, failed);
  }
  if (failed) {
    throw failure("UNREADABLE", fmt::format("{} cannot be copied: {}", file, failed.message()));
  }
  return target.string();
}

void Troupe::load(const std::string& file) {
  const std::string target = place(file);
  if (host_ == nullptr) {
    plugin_host::Options options;
    options.loader.staging_parents = {root_ + "/run"};
    options.loader.config_of = [this](std::string_view id) {
      const auto found = configs_.find(id);
      return found == configs_.end() ? std::string{} : found->second;
    };
    host_ = std::make_unique<plugin_host::PluginHost>(engine_, script_, std::move(options));
    if (auto loaded = host_->load_directory(root_ + "/plugins", clock_.now()); !loaded) {
      refused(loaded.error());
    }
  } else {
    script_.hindrance.clear();
    host_->file_came(target, clock_.now());
  }
  finish(target);
}

void Troupe::finish(const std::string& file) {
  // An upgrade asks again and again until its deadline; ten minutes are many of those.
  for (int waits = 0; waits < 600'000; ++waits) {
    advance_(Duration::zero());
    const TimePoint now = clock_.now();
    if (host_->look(now) > now + std::chrono::milliseconds{1}) break;
    advance_(std::chrono::milliseconds{1});
  }
  for (const auto& plugin : host_->list()) {
    if (plugin.state != State::rejected || plugin.file != plugin_gate::printable(file)) continue;
    refused({plugin.code, plugin.file, plugin.reason, plugin.fix});
  }
  if (!script_.hindrance.empty()) {
    throw failure("UPGRADE_FAILED",
                  fmt::format("not all actors were upgraded to {}: {}",
                              fs::path{file}.filename().string(), script_.hindrance));
  }
}

void Troupe::look() {
  if (host_ != nullptr) (void)host_->look(clock_.now());
}

void Troupe::load(plugin_host::Library::Entry entry, std::string_view config) {
  // Entering it again would take its host's table from under the actors it has.
  if (!entries_.insert(entry).second) {
    throw failure("name_in_use", "the linked-in plugin is loaded already");
  }
  auto manifest = manifest_of(entry);
  auto host = std::make_unique<HostApi>(
      engine_, script_, plugin_host::PluginIdentity{manifest, "linked in"}, host_version);
  const auto made = Generation::built_in(std::move(manifest), entry, std::move(host));
  if (auto entered = made->enter(); !entered) refused(entered.error());
  if (auto begun = made->init(config); !begun) refused(begun.error());
  made->activate();
  built_in_.push_back(made);
  for (std::size_t i = 0; i < made->types().size(); ++i) {
    const std::string& name = made->types()[i].name;
    ActorType type;
    type.name = name;
    type.factory = std::make_shared<plugin_host::PluginFactory>(made, i);
    taken(engine_.add_type(std::move(type)), "the actor type " + name);
  }
}

std::optional<double> Troupe::metric(std::string_view name) const {
  std::optional<double> sum;
  const auto look_at = [&](const std::vector<plugin_host::Metric>& metrics) {
    for (const auto& metric : metrics) {
      if (metric.name != name) continue;
      const bool adds = sum && metric.kind == plugin_host::MetricKind::counter;
      sum = adds ? *sum + metric.value : metric.value;
    }
  };
  if (host_ != nullptr) {
    for (const auto& plugin : host_->list()) look_at(plugin.metrics);
  }
  for (const auto& generation : built_in_) look_at(generation->host().metrics().list());
  return sum;
}

}  // namespace backstage::testkit
