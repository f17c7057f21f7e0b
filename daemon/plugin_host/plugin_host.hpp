/// PluginHost: turns the files of one directory into actor types of the engine, and follows what
/// becomes of those files: new ones are loaded, changed ones upgraded, gone ones drained.
///
/// It watches nothing and has no thread: whoever drives it says which files came and went, and
/// calls `look`. README.md beside this file tells of the states and of what happens when.
#pragma once
#include <chrono>
#include <cstddef>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/actor.hpp"
#include "core/clock.hpp"
#include "core/fwd.hpp"
#include "daemon/plugin_gate/private_libraries.hpp"
#include "daemon/plugin_host/catalog.hpp"
#include "daemon/plugin_host/events.hpp"
#include "daemon/plugin_host/generation.hpp"
#include "daemon/plugin_host/keepsakes.hpp"
#include "daemon/plugin_host/loader.hpp"
#include "daemon/plugin_host/plugin_info.hpp"
#include "daemon/plugin_host/refusal.hpp"
#include "daemon/plugin_host/upgrade.hpp"

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
  Loader::Options loader{};
  std::function<TypeSettings(std::string_view type)> settings_of{};
  /// Where the last good files are kept and what was sent back is written down; empty: nowhere.
  std::string keepsakes{};
  OnIncompatible on_incompatible = OnIncompatible::refuse;
  bool drain_first = false;
  Duration upgrade_deadline = std::chrono::seconds{10};
  /// How long a new version is watched and the one before it kept; zero: not at all.
  Duration probation = std::chrono::seconds{30};
  /// So many failures of its actors within the probation, and the version before it is back; zero:
  /// no number of them. Three are one fewer than what parks an actor by default.
  std::uint64_t probation_failures_max = 3;
  bool drains_removed = true;  ///< false: what is removed from the directory goes on
  bool unloads = true;         ///< retired code is unmapped where that is safe
  /// Between the retirement of code and its unmapping: for calls that are on their way out.
  Duration unload_grace = std::chrono::seconds{5};
  /// For quiesce when a generation is retired while the daemon runs.
  std::chrono::milliseconds quiesce_time{2000};
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
  [[nodiscard]] std::expected<Loaded, Refusal> load_directory(const std::string& directory,
                                                              TimePoint now = {});

  // --- The directory's life. [loader]
  /// It is new or has changed, and is whole. What was refused before is refused again without a new
  /// try as long as its content is the same. True: it changed while it was read, and is to be named
  /// again once it has been left alone.
  bool file_came(const std::string& file, TimePoint now);
  void file_went(const std::string& file, TimePoint now);
  /// Goes on with whatever is under way. Returns when to call again.
  TimePoint look(TimePoint now);

  // --- What people ask for. The error is a sentence. [loader]
  /// Tries its file again, whatever has been said of that content. `which`: a plugin id, or the
  /// name of a file in the directory.
  [[nodiscard]] std::expected<void, std::string> retry(std::string_view which, TimePoint now);
  /// Back to the version before, while that is kept.
  [[nodiscard]] std::expected<void, std::string> roll_back(std::string_view id, TimePoint now);

  /// Every file and generation: in order of loading, the rejected ones last. A copy. [any]
  [[nodiscard]] std::vector<PluginInfo> list() const;
  /// Where private copies go, for the log; empty: into memory, or nothing was loaded. [loader]
  [[nodiscard]] std::string_view staging_directory() const noexcept {
    return loader_.staging_directory();
  }
  /// Why better places for them were passed over. [loader]
  [[nodiscard]] std::vector<std::string> staging_notes() const { return loader_.staging_notes(); }

  /// Takes the types from the engine, then quiesce and fini of each plugin in reverse order of
  /// loading, `deadline` for all of them together. Call it when no hosted actor lives any more:
  /// plugins that still have some are pinned instead. [loader]
  void shutdown(std::chrono::milliseconds deadline);

  /// Of one plugin, so many that are over are listed; older ones are forgotten.
  static constexpr std::size_t history_max = 8;
  /// So many refused contents are remembered while the daemon runs.
  static constexpr std::size_t refused_max = 1024;

 private:
  /// A file or a generation, as `list` shows it.
  struct Record {
    PluginInfo info;                         // written under mutex_
    std::shared_ptr<Generation> generation;  // null: not mapped (any more)
    std::vector<ActorTypePtr> types;         // the engine's, while it may serve
    bool has_file = true;                    // that file is in the directory
    bool is_stand_in = false;                // the last good file, for one that was refused
    TimePoint since{};                       // of its state
    std::uint64_t offered = 0;  // the generation its last actors were offered to move to
  };
  using RecordPtr = std::shared_ptr<Record>;
  /// One plugin id through its generations.
  struct Line {
    RecordPtr current;  // serves; null while its only file is refused
    RecordPtr former;   // kept for a way back
    RecordPtr next;     // moves in: the upgrade's
    std::unique_ptr<Upgrade> upgrade;
    RecordPtr straggler;       // an older one whose actors the upgrade brings to current
    bool is_way_back = false;  // the upgrade leads from next or current to the former
    Refusal why_back;
    std::optional<Candidate> waiting;  // the newest file that came meanwhile
    std::uint64_t failures_before = 0;
    std::set<std::string> tried_instead;  // hashes, since the file of current went
  };

  // files (plugin_host.cpp)
  void admit(Candidate candidate, TimePoint now);
  void begin(Candidate candidate, TimePoint now);
  [[nodiscard]] std::optional<Refusal> clash_of(const Candidate& candidate) const;
  [[nodiscard]] std::optional<Refusal> private_library_of(const Candidate& candidate) const;
  [[nodiscard]] std::vector<ActorTypePtr> make_types(const std::shared_ptr<Generation>& generation);
  [[nodiscard]] std::expected<void, Refusal> add_types(const Record& record);
  void remove_types(const Record& record, std::size_t count);
  void reject(Rejected rejected);
  void forget_rejected(const std::string& file);
  void let_stand_in(TimePoint now);
  void note_refused(const std::string& sha256, const Refusal& why, bool is_kept);
  void establish(Record& record, TimePoint now);

  // upgrades (plugin_host_upgrade.cpp)
  void begin_upgrade(Line& line, std::shared_ptr<Generation> generation, TimePoint now);
  [[nodiscard]] std::optional<Refusal> hindrance(const Record& current, const Record& next,
                                                 const std::vector<TypePassage>& plan) const;
  void look_at_upgrade(Line& line, TimePoint now);
  void finish_upgrade(Line& line, TimePoint now);
  void begin_way_back(Line& line, Refusal why, TimePoint now);
  void finish_way_back(Line& line, TimePoint now);
  void look_at_probation(Line& line, TimePoint now);
  void begin_straggling(Line& line, TimePoint now);
  void finish_straggling(Line& line);
  [[nodiscard]] Upgrade::Rules upgrade_rules(bool has_canary) const;

  // ends (plugin_host_end.cpp)
  void look_at_removal(Line& line, TimePoint now);
  void look_at_ends(TimePoint now);
  void begin_draining(const RecordPtr& record, TimePoint now);
  void retire(Record& record, TimePoint now);
  void unmap(Record& record, TimePoint now);
  [[nodiscard]] bool is_in_use(const Record& record) const;
  [[nodiscard]] bool is_alive(const Record& record) const;
  void forget_old();

  void set_state(Record& record, State state, TimePoint now);
  RecordPtr keep(Record record);

  Engine& engine_;
  Events& events_;
  const Options options_;
  Loader loader_;
  std::map<std::string, Line, std::less<>> lines_;  // [loader]
  const Keepsakes keepsakes_;
  Keepsakes::Refused refused_;  // not tried again. [loader]
  Keepsakes::Refused kept_;     // those of them that a restart does not clear. [loader]
  const std::vector<std::string> system_libraries_ = plugin_gate::system_library_directories();
  std::uint64_t generations_ = 0;  // [loader]
  mutable std::mutex mutex_;
  std::vector<RecordPtr> records_;  // guarded by mutex_; written on [loader] only
};

}  // namespace backstage::plugin_host
