#include "daemon/plugin_news.hpp"

#include <exception>
#include <nlohmann/json.hpp>
#include <string>

#include "core/engine.hpp"
#include "daemon/admin_json.hpp"

namespace backstage::daemon {

void PluginNews::plugin_refused(const plugin_host::PluginInfo& plugin) noexcept {
  log_.plugin_refused(plugin);
  publish(plugin);
}

void PluginNews::plugin_changed(const plugin_host::PluginInfo& plugin) noexcept {
  log_.plugin_changed(plugin);
  publish(plugin);
}

// A file that could not be read so far has no id to publish under; the log has it.
void PluginNews::publish(const plugin_host::PluginInfo& plugin) noexcept {
  if (plugin.id.empty()) return;
  try {
    const auto address = Address::join("$sys", "plugin." + plugin.id);
    if (!address) return;
    const std::string text =
        to_json(std::vector{plugin})[0].dump(-1, ' ', false, Json::error_handler_t::replace);
    PublishOptions options;
    options.retain = true;
    // Refused when the daemon ends, or retained values are full: the log has it.
    (void)engine_.publish(*address, {.type = "plugin", .payload = Payload(text)}, "$sys", options);
  } catch (const std::exception&) {
    return;
  }
}

}  // namespace backstage::daemon
