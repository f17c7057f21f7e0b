/// PluginHost: the facade. Turns a directory of files into actor types of the engine.
#pragma once
#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/actor.hpp"
#include "core/fwd.hpp"
#include "daemon/plugin_host/catalog.hpp"
#include "daemon/plugin_host/events.hpp"
#include "daemon/plugin_host/generation.hpp"
#include "daemon/plugin_host/plugin_info.hpp"
#include "daemon/plugin_host/refusal.hpp"
#include "daemon/plugin_host/staging.hpp"

namespace backstage::plugin_host {

/// What config says about one actor type.
struct TypeSettings {
  MailboxLimits mailbox;
  Overflow overflow = Overflow::reject;
  Supervision supervision;
  Dispatcher dispatcher = Dispatcher::pool;
  Duration turn_budget = turn_budget_default;
};

struct Options {
  /// Where private copies may go, best first: the runtime directory, then the state directory.
  std::vector<std::string> staging_parents{};
  /// JSON text of one plugin by its id; empty when there is none.
  std::function<std::string(std::string_view plugin_id)> config_of{};
  std::function<TypeSettings(std::string_view type)> settings_of{};
  /// Tests stand in for the system here.
  Staging::Probe staging_probe = &Staging::maps_executable;
};

class PluginHost {
 public:
  struct Loaded {
    std::size_t active = 0;
    std::size_t rejected = 0;
  };

  /// `engine` and `events` must outlive it. Declare it after the engine.
  PluginHost(Engine& engine, Events& events, Options options);
  /// shutdown, unless that was called.
  ~PluginHost();
  PluginHost(const PluginHost&) = delete;
  PluginHost& operator=(const PluginHost&) = delete;

  /// Judges, loads and registers every `*.so` of `directory` but those that begin with a dot, in
  /// the order of their names. A file that is refused never touches the others; `list` says why.
  /// Once. Errors, which stand for the whole directory: the gate's judge_directory, unreadable,
  /// staging_failed. [loader]
  [[nodiscard]] std::expected<Loaded, Refusal> load_directory(const std::string& directory);

  /// Every file seen: in order of loading, the rejected ones last. A copy. [any]
  [[nodiscard]] std::vector<PluginInfo> list() const;
  /// Where private copies go, for the log; empty: into memory, or nothing was loaded. [loader]
  [[nodiscard]] std::string_view staging_directory() const noexcept;
  /// Why better places for them were passed over. [loader]
  [[nodiscard]] std::vector<std::string> staging_notes() const;

  /// Takes the types from the engine, then quiesce and fini of each plugin in reverse order of
  /// loading, `deadline` for all of them together. Call it when no hosted actor lives any more:
  /// plugins that still have some are pinned instead. [loader]
  void shutdown(std::chrono::milliseconds deadline);

 private:
  struct Candidate;
  struct Record {
    PluginInfo info;
    std::shared_ptr<Generation> generation;  // shared with factories and actors; null: not mapped
  };

  [[nodiscard]] std::optional<Candidate> judge(const std::string& file);
  void load(Candidate candidate);
  [[nodiscard]] std::expected<void, Refusal> start_up(Generation& generation);
  [[nodiscard]] std::expected<void, Refusal> add_types(
      const std::shared_ptr<Generation>& generation);
  void remove_types(const Generation& generation, std::size_t count);
  void reject(PluginInfo info, Refusal refusal, std::shared_ptr<Generation> generation);
  [[nodiscard]] PluginInfo note_retired(std::size_t index, const Generation& generation,
                                        const std::string& why);
  void keep(Record record);
  [[nodiscard]] std::vector<Claim> holders() const;

  Engine& engine_;
  Events& events_;
  const Options options_;
  std::optional<Staging> staging_;  // [loader]
  mutable std::mutex mutex_;
  std::vector<Record> records_;  // guarded by mutex_; written on [loader] only
};

}  // namespace backstage::plugin_host
