/// PluginKeeper: the loader thread. It alone touches the plugin host, follows the drop folder, and
/// does what people ask for.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "daemon/plugin_host/drop_folder.hpp"
#include "daemon/plugin_host/fd.hpp"
#include "daemon/plugin_host/plugin_host.hpp"

namespace backstage::daemon {

/// What people may ask of one plugin. `which` is its id; for retry the name of a file will do.
enum class PluginVerb : std::uint8_t {
  retry,      ///< try its file again, whatever was said of that content
  roll_back,  ///< have the version before it back
  remove,     ///< delete its file, and let its actors end
};

class PluginKeeper {
 public:
  struct Options {
    std::string directory;
    bool watches = true;
    Duration settle{};
    Duration rescan{};
  };

  /// All must outlive it. Declare it after the engine.
  PluginKeeper(Engine& engine, const Clock& clock, plugin_host::Events& events,
               plugin_host::Options host, Options options);
  /// stop, unless that was called.
  ~PluginKeeper();
  PluginKeeper(const PluginKeeper&) = delete;
  PluginKeeper& operator=(const PluginKeeper&) = delete;

  /// What is in the directory now, on the calling thread. Before start. Errors: see
  /// PluginHost::load_directory. [main]
  [[nodiscard]] std::expected<plugin_host::PluginHost::Loaded, plugin_host::Refusal> load();
  /// From here on the thread is [loader]. Only after a load that succeeded. [main]
  void start();
  /// Ends the thread, then every plugin, `deadline` for all. When no hosted actor lives any more.
  /// [main]
  void stop(std::chrono::milliseconds deadline);

  /// As PluginHost::list, and the files that settle. [any]
  [[nodiscard]] std::vector<plugin_host::PluginInfo> list() const;
  [[nodiscard]] const std::string& directory() const noexcept { return options_.directory; }
  [[nodiscard]] std::vector<std::string> staging_notes() const { return host_.staging_notes(); }
  /// Will be done; what becomes of it shows in `list`. The error is a sentence: it cannot be. [any]
  [[nodiscard]] std::expected<void, std::string> ask(PluginVerb verb, std::string_view which);

 private:
  struct Asked {
    PluginVerb verb;
    std::string which;
  };

  void run();
  void wait_until(TimePoint when);
  void wake() noexcept;
  void do_asked(TimePoint now);
  void remove_file(const std::string& id, TimePoint now);
  TimePoint look_at_folder(TimePoint now);

  const Clock& clock_;
  plugin_host::Events& events_;
  const Options options_;
  plugin_host::PluginHost host_;  // [loader], but for list
  plugin_host::DropFolder folder_;
  plugin_host::Fd wake_;
  bool is_unreadable_ = false;  // the folder, when it was looked at last. [loader]
  std::atomic<bool> is_over_{false};
  mutable std::mutex mutex_;
  // Guarded by mutex_
  std::vector<Asked> asked_;
  std::vector<std::string> unsettled_;
  std::thread thread_;
};

}  // namespace backstage::daemon
