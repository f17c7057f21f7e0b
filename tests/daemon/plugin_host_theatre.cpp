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
bool RecordedEvents::has(std::string_view line) const {
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

Theatre::Theatre(Options options) {
  if (options.staging_parents.empty()) options.staging_parents = {runtime.path()};
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

PluginInfo Theatre::info(std::string_view file) const {
  for (auto& plugin : host->list()) {
    if (fs::path{plugin.file}.filename() == file) return plugin;
  }
  throw std::runtime_error(fmt::format("{} is not listed", file));
}

std::string Theatre::refusal(std::string_view file) const {
  const auto plugin = info(file);
  if (plugin.state != State::rejected) return {};
  return Refusal{plugin.code, plugin.file, plugin.reason, plugin.fix}.text();
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
