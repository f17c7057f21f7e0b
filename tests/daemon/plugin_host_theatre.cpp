// Theatre's longer parts.
#include "tests/daemon/plugin_host_theatre.hpp"

#include <fmt/format.h>
#include <stdlib.h>

#include <stdexcept>

namespace backstage::plugin_host::test {

TempDir::TempDir() {
  std::string name = fs::temp_directory_path() / "backstage-test-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path shipped(std::string_view name) {
  return fs::path{BACKSTAGE_PLUGINS} / fmt::format("{}.so", name);
}
fs::path probe_plugin() { return fs::path{BACKSTAGE_TEST_PLUGINS} / "probe.so"; }
fs::path bad(std::string_view name) {
  return fs::path{BACKSTAGE_BAD_PLUGINS} / fmt::format("{}.so", name);
}

Options quick() {
  Options options;
  options.unload_grace = std::chrono::milliseconds{10};
  return options;
}

void RecordedEvents::plugin_log(Level level, std::string_view plugin, std::string_view actor,
                                std::string_view text) noexcept {
  static constexpr std::string_view names[] = {"debug", "info", "warn", "error"};
  const std::lock_guard lock{mutex_};
  lines.push_back(
      fmt::format("{} {} {}: {}", names[static_cast<std::size_t>(level)], plugin, actor, text));
}
void RecordedEvents::plugin_loaded(const PluginInfo& plugin) noexcept {
  lines.push_back(fmt::format("loaded {}", plugin.id));
}
void RecordedEvents::plugin_refused(const PluginInfo& plugin) noexcept {
  lines.push_back(
      fmt::format("refused {} {}", fs::path{plugin.file}.filename().string(), plugin.code));
}
void RecordedEvents::plugin_pinned(const PluginInfo& plugin) noexcept {
  lines.push_back(fmt::format("pinned {}", plugin.id));
}
void RecordedEvents::plugin_changed(const PluginInfo& plugin) noexcept {
  lines.push_back(fmt::format("{} {} {}", token(plugin.state), plugin.id, plugin.version));
}
void RecordedEvents::plugin_upgraded(const PluginInfo& plugin, const PluginInfo& former,
                                     const UpgradeReport&) noexcept {
  lines.push_back(fmt::format("upgraded {} {} {}", plugin.id, former.version, plugin.version));
}
void RecordedEvents::plugin_rolled_back(const PluginInfo& failed, const PluginInfo& plugin,
                                        const UpgradeReport&) noexcept {
  lines.push_back(fmt::format("rolled back {} {} {}", plugin.id, failed.version, plugin.version));
}
bool RecordedEvents::has(std::string_view line) const {
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

Theatre::Theatre(Options options) {
  if (options.loader.staging_parents.empty()) options.loader.staging_parents = {runtime.path()};
  host.emplace(stage.engine, events, std::move(options));
}

Theatre::~Theatre() { stop_actors(); }

void Theatre::drop(const fs::path& plugin, std::string_view name) {
  const auto target = directory.path() / (name.empty() ? plugin.filename() : fs::path{name});
  fs::copy_file(plugin, target);
  fs::permissions(target, fs::perms::owner_read | fs::perms::owner_write);
}

PluginHost::Loaded Theatre::load() {
  auto loaded = host->load_directory(directory.path());
  if (!loaded) throw std::runtime_error(loaded.error().text());
  return *loaded;
}

void Theatre::play(const std::vector<fs::path>& plugins) {
  for (const auto& plugin : plugins) drop(plugin);
  load();
  for (const auto& plugin : plugins) {
    if (const auto text = refusal(plugin.filename().string()); !text.empty()) {
      throw std::runtime_error(text);
    }
  }
}

void Theatre::replace(const fs::path& plugin, std::string_view name) {
  const auto target = directory.path() / name;
  const auto part = directory.path() / fmt::format(".{}.part", name);
  fs::copy_file(plugin, part, fs::copy_options::overwrite_existing);
  fs::permissions(part, fs::perms::owner_read | fs::perms::owner_write);
  fs::rename(part, target);
  (void)host->file_came(target, stage.clock.now());
}

void Theatre::remove(std::string_view name) {
  const auto target = directory.path() / name;
  fs::remove(target);
  host->file_went(target, stage.clock.now());
}

void Theatre::settle_heirs(const std::vector<int>& counts) {
  drop(bad("heir_1"), "heir.so");
  load();
  char name[] = "a";
  for (const int count : counts) {
    stage.spawn("heir", name);
    if (ask(name, std::to_string(count)) != fmt::format("1.0.0 {}", count)) {
      throw std::runtime_error("an heir does not count");
    }
    ++name[0];
  }
}

void Theatre::run(Duration time) {
  for (Duration past{}; past <= time; past += std::chrono::milliseconds{1}) {
    stage.settle();
    (void)host->look(stage.clock.now());
    stage.advance(std::chrono::milliseconds{1});
  }
}

void Theatre::finish_upgrade() {
  for (int i = 0; i < 100'000; ++i) {
    stage.settle();
    const auto now = stage.clock.now();
    if (host->look(now) > now + std::chrono::milliseconds{1}) return;
    stage.advance(std::chrono::milliseconds{1});
  }
  throw std::runtime_error("the upgrade does not end");
}

PluginInfo Theatre::version(std::string_view version) const {
  const auto all = host->list();
  for (auto at = all.rbegin(); at != all.rend(); ++at) {
    if (at->version == version) return *at;
  }
  throw std::runtime_error(fmt::format("version {} is not listed", version));
}

PluginInfo Theatre::info(std::string_view file) const {
  for (auto& plugin : host->list()) {
    if (fs::path{plugin.file}.filename() == file) return plugin;
  }
  throw std::runtime_error(fmt::format("{} is not listed", file));
}

std::string Theatre::refusal(std::string_view file) const {
  static_cast<void>(info(file));
  for (const auto& plugin : host->list()) {
    if (plugin.state != State::rejected || fs::path{plugin.file}.filename() != file) continue;
    return Refusal{plugin.code, plugin.file, plugin.reason, plugin.fix}.text();
  }
  return {};
}

Cell& Theatre::client_cell() {
  if (client_ == nullptr) client_ = &stage.client("client", script_);
  return *client_;
}

std::string Theatre::ask(std::string_view actor, std::string_view body, std::string_view type) {
  auto context = client();
  const auto to = context.resolve(actor);
  if (!to) return fmt::format("!{}", token(to.error()));
  const auto id = context.request(*to, {.type = type, .payload = Payload{body}});
  if (!id) return fmt::format("!{}", token(id.error()));
  stage.settle();
  for (const auto& got : script_->got) {
    if (got.kind != Kind::reply || got.request.id != *id) continue;
    return got.is_error ? fmt::format("!{} {}", token(got.error), got.text) : got.text;
  }
  return "(no reply)";
}

void Theatre::subscribe(std::string_view pattern) {
  if (!client().subscribe(*Pattern::parse(pattern))) throw std::runtime_error("subscribe");
}

std::vector<std::string> Theatre::take(Kind kind) {
  auto all = texts(*script_, kind);
  std::erase_if(script_->got, [kind](const auto& got) { return got.kind == kind; });
  return all;
}

void Theatre::stop_actors() {
  stage.engine.stop_all();
  stage.settle();
}

}  // namespace backstage::plugin_host::test
