// Theatre: a stage with a plugin host, a plugin directory of the test's own, and one client.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/plugin_host/plugin_host.hpp"
#include "tests/support/stage.hpp"

namespace backstage::plugin_host::test {

namespace fs = std::filesystem;

// Removed with everything in it.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// Where the build puts plugins.
[[nodiscard]] fs::path shipped(std::string_view name);
[[nodiscard]] fs::path probe_plugin();
[[nodiscard]] fs::path bad(std::string_view name);

// Options under which retired code leaves memory at once.
[[nodiscard]] Options quick();

class RecordedEvents final : public Events {
 public:
  void plugin_log(Level level, std::string_view plugin, std::string_view actor,
                  std::string_view text) noexcept override;
  void plugin_loaded(const PluginInfo& plugin) noexcept override;
  void plugin_refused(const PluginInfo& plugin) noexcept override;
  void plugin_pinned(const PluginInfo& plugin) noexcept override;
  void plugin_changed(const PluginInfo& plugin) noexcept override;
  void plugin_upgraded(const PluginInfo& plugin, const PluginInfo& former,
                       const UpgradeReport& report) noexcept override;
  void plugin_rolled_back(const PluginInfo& failed, const PluginInfo& plugin,
                          const UpgradeReport& report) noexcept override;
  // "warn com.x actor: text", "loaded com.x", "refused FILE CODE", "pinned com.x",
  // "active com.x 1.0.0" and so on for each state, "upgraded com.x 1.0.0 2.0.0",
  // "rolled back com.x 2.0.0 1.0.0".
  [[nodiscard]] bool has(std::string_view line) const;
  std::vector<std::string> lines;

 private:
  std::mutex mutex_;
};

class Theatre {
 public:
  explicit Theatre(Options options = {});
  ~Theatre();

  // Copies a plugin into the directory, as `name` or under its own.
  void drop(const fs::path& plugin, std::string_view name = {});
  // Loads the directory; throws with the refusal's text.
  PluginHost::Loaded load();
  // drop and load of several at once.
  void play(const std::vector<fs::path>& plugins);

  // Puts `plugin` in the place of what `name` is, as mv does, and tells the host.
  void replace(const fs::path& plugin, std::string_view name);
  void remove(std::string_view name);
  // Heirs of version 1.0.0 from heir.so, each of which has counted to `counts[i]`; named "a", "b"
  // and so on.
  void settle_heirs(const std::vector<int>& counts);
  // Lets the actors and the host run on for so long, in steps of a millisecond.
  void run(Duration time);
  // Until the host has nothing urgent to do.
  void finish_upgrade();

  [[nodiscard]] PluginInfo info(std::string_view file) const;
  // The newest of that version; throws if there is none.
  [[nodiscard]] PluginInfo version(std::string_view version) const;
  // The refusal as one text; empty for an active plugin.
  [[nodiscard]] std::string refusal(std::string_view file) const;

  // Sends a request from the client and returns its reply, as "TEXT" or "!token TEXT".
  std::string ask(std::string_view actor, std::string_view body, std::string_view type = {});
  // The client's side of things.
  Context client() { return stage.engine.context_of(client_cell()); }
  void subscribe(std::string_view pattern);
  // What the client got of a kind, then forgets it.
  std::vector<std::string> take(Kind kind);

  // Ends all actors.
  void stop_actors();

  TempDir directory;
  TempDir runtime;
  RecordedEvents events;
  backstage::test::Stage stage;
  std::optional<PluginHost> host;

 private:
  Cell& client_cell();
  std::shared_ptr<backstage::test::Script> script_ = std::make_shared<backstage::test::Script>();
  Cell* client_ = nullptr;
};

}  // namespace backstage::plugin_host::test
