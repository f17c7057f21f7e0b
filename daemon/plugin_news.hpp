/// PluginNews: what becomes of plugins, as lines of the log and on `$sys/plugin.<id>`.
#pragma once
#include "core/fwd.hpp"
#include "daemon/plugin_host/events.hpp"

namespace backstage::daemon {

/// Passes everything on to `log`, and publishes each change of a plugin's state: the same JSON as
/// in the answer to `plugins`, retained.
class PluginNews final : public plugin_host::Events {
 public:
  /// Both must outlive it.
  PluginNews(Engine& engine, plugin_host::Events& log) noexcept : engine_(engine), log_(log) {}

  void plugin_log(plugin_host::Level level, std::string_view plugin, std::string_view actor,
                  std::string_view text) noexcept override {
    log_.plugin_log(level, plugin, actor, text);
  }
  void plugin_loaded(const plugin_host::PluginInfo& plugin) noexcept override {
    log_.plugin_loaded(plugin);
  }
  void plugin_refused(const plugin_host::PluginInfo& plugin) noexcept override;
  void plugin_changed(const plugin_host::PluginInfo& plugin) noexcept override;
  void plugin_upgraded(const plugin_host::PluginInfo& plugin, const plugin_host::PluginInfo& former,
                       const plugin_host::UpgradeReport& report) noexcept override {
    log_.plugin_upgraded(plugin, former, report);
  }
  void plugin_rolled_back(const plugin_host::PluginInfo& failed,
                          const plugin_host::PluginInfo& plugin,
                          const plugin_host::UpgradeReport& report) noexcept override {
    log_.plugin_rolled_back(failed, plugin, report);
  }
  void plugin_pinned(const plugin_host::PluginInfo& plugin) noexcept override {
    log_.plugin_pinned(plugin);
  }

 private:
  void publish(const plugin_host::PluginInfo& plugin) noexcept;

  Engine& engine_;
  plugin_host::Events& log_;
};

}  // namespace backstage::daemon
