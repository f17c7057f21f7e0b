// Troupe: the plugins of a stage: files through the daemon's plugin host, and built-in ones.
#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/plugin_host/plugin_host.hpp"
#include "plugins/testkit/world.hpp"

namespace backstage::testkit {

/// Keeps the log lines, and what became of the last upgrade.
class Script final : public plugin_host::Events {
 public:
  void plugin_log(plugin_host::Level level, std::string_view plugin, std::string_view actor,
                  std::string_view text) noexcept override;
  void plugin_loaded(const plugin_host::PluginInfo&) noexcept override {}
  void plugin_refused(const plugin_host::PluginInfo&) noexcept override {}
  void plugin_changed(const plugin_host::PluginInfo&) noexcept override {}
  void plugin_upgraded(const plugin_host::PluginInfo& plugin, const plugin_host::PluginInfo&,
                       const plugin_host::UpgradeReport& report) noexcept override;
  void plugin_rolled_back(const plugin_host::PluginInfo& failed, const plugin_host::PluginInfo&,
                          const plugin_host::UpgradeReport& report) noexcept override;
  void plugin_pinned(const plugin_host::PluginInfo&) noexcept override {}

  [[nodiscard]] std::vector<log_line> lines() const;

  std::string hindrance;  // of the last upgrade: why it, or one of its actors, did not pass

 private:
  mutable std::mutex mutex_;     // plugins log from threads of theirs too
  std::vector<log_line> lines_;  // guarded by mutex_
};

class Troupe {
 public:
  /// `advance` lets time pass on the stage. All must outlive it.
  Troupe(Engine& engine, Clock& clock, std::function<void(Duration)> advance);
  /// Call it when no hosted actor lives any more.
  ~Troupe();
  Troupe(const Troupe&) = delete;
  Troupe& operator=(const Troupe&) = delete;

  void load(const std::string& file);
  void load(plugin_host::Library::Entry entry, std::string_view config);
  void configure(std::string_view plugin_id, std::string_view config);
  /// Goes on with upgrades; what an upgrade waits for needs time to pass.
  void look();

  [[nodiscard]] std::optional<double> metric(std::string_view name) const;
  [[nodiscard]] const Script& script() const noexcept { return script_; }

 private:
  [[nodiscard]] std::string place(const std::string& file);
  void finish(const std::string& file);

  Engine& engine_;
  Clock& clock_;
  const std::function<void(Duration)> advance_;
  const std::string root_;  // of files: removed with this object
  Script script_;
  std::map<std::string, std::string, std::less<>> configs_;
  std::unique_ptr<plugin_host::PluginHost> host_;  // null until a file is loaded
  std::set<plugin_host::Library::Entry> entries_;
  // Shared with factories and actors.
  std::vector<std::shared_ptr<plugin_host::Generation>> built_in_;
};

}  // namespace backstage::testkit
