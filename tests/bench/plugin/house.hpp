// A live engine with the benchmark's plugins loaded by the daemon's own plugin host.
#pragma once
#include <string>
#include <string_view>

#include "daemon/plugin_host/plugin_host.hpp"
#include "tests/bench/live.hpp"

namespace backstage::bench {

class QuietPlugins final : public plugin_host::Events {
 public:
  void plugin_log(plugin_host::Level, std::string_view, std::string_view,
                  std::string_view text) noexcept override {
    give_up("a plugin", text);
  }
  void plugin_loaded(const plugin_host::PluginInfo&) noexcept override {}
  void plugin_refused(const plugin_host::PluginInfo& plugin) noexcept override {
    give_up(plugin.file, plugin.reason, plugin.fix);
  }
  void plugin_changed(const plugin_host::PluginInfo&) noexcept override {}
  void plugin_upgraded(const plugin_host::PluginInfo&, const plugin_host::PluginInfo&,
                       const plugin_host::UpgradeReport&) noexcept override {}
  void plugin_rolled_back(const plugin_host::PluginInfo& failed, const plugin_host::PluginInfo&,
                          const plugin_host::UpgradeReport&) noexcept override {
    give_up(failed.file, failed.reason, failed.fix);
  }
  // Actors that still live at the program's end keep their code, as they should.
  void plugin_pinned(const plugin_host::PluginInfo&) noexcept override {}
};

struct House {
  explicit House(long workers) : live(workers), host(live.engine, events, options()) {
    const auto loaded = host.load_directory(BENCH_PLUGINS);
    if (!loaded) give_up(BENCH_PLUGINS, loaded.error().cause, loaded.error().fix);
  }

  static plugin_host::Options options() {
    plugin_host::Options options;
    // Without a directory of its own the host stages into memory: nothing to clear away.
    options.settings_of = [](std::string_view) {
      plugin_host::TypeSettings settings;
      settings.mailbox = wide;
      return settings;
    };
    return options;
  }

  Live live;
  QuietPlugins events;
  plugin_host::PluginHost host;
};

}  // namespace backstage::bench
