/// Loader: from a file in the drop directory to a generation whose init has succeeded.
#pragma once
#include <backstage/plugin.h>

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/fwd.hpp"
#include "daemon/plugin_gate/gate.hpp"
#include "daemon/plugin_host/events.hpp"
#include "daemon/plugin_host/generation.hpp"
#include "daemon/plugin_host/plugin_info.hpp"
#include "daemon/plugin_host/refusal.hpp"
#include "daemon/plugin_host/staging.hpp"

namespace backstage::plugin_host {

/// A file the gate let through, staged and not yet mapped.
struct Candidate {
  std::string file;
  plugin_gate::Manifest manifest;
  StagedFile staged;
  std::chrono::microseconds spent;
};

/// A file that was refused, with what is known of it.
struct Rejected {
  PluginInfo info;  ///< id and version are empty where the file could not be read so far
  Refusal refusal;
  std::shared_ptr<Generation> generation;  ///< where code of it has run: it stays mapped
};

class Loader {
 public:
  struct Options {
    /// Where private copies may go, best first.
    std::vector<std::string> staging_parents{};
    Staging::Probe staging_probe = &Staging::maps_executable;
    plugin_gate::Rules rules{.abi = {.major = BS_ABI_MAJOR, .minor = BS_ABI_MINOR}};
    /// JSON text of one plugin by its id; empty when there is none.
    std::function<std::string(std::string_view plugin_id)> config_of{};
    /// Turns unique symbols into weak ones in the copy; else two generations may share statics.
    bool demotes_unique = true;
    /// Runs the staged copy somewhere else first; empty: does not.
    std::function<std::expected<void, Refusal>(std::string_view file, const std::string& staged)>
        trial{};
    /// Says why a file is not to be loaded although nothing is wrong with it, such as crashes.
    std::function<std::optional<Refusal>(std::string_view file, const plugin_gate::Manifest&)>
        veto{};
    /// Somebody wants that content to have another chance, whatever `veto` knows of it.
    std::function<void(std::string_view sha256)> forgive{};
  };

  /// `engine` and `events` must outlive what it loads.
  Loader(Engine& engine, Events& events, Options options);

  /// Once, before the rest. Errors: staging_failed. [loader]
  [[nodiscard]] std::expected<void, Refusal> open_staging();
  /// Reads and judges; nothing of the file runs. [loader]
  [[nodiscard]] std::expected<Candidate, Rejected> judge(const std::string& file);
  /// See Options::forgive. Its trial is made again too. [loader]
  void forgive(std::string_view sha256);
  /// Trial, unless this content has passed one, map, entry, init. [loader]
  [[nodiscard]] std::expected<std::shared_ptr<Generation>, Rejected> load(Candidate candidate);

  [[nodiscard]] const plugin_gate::Rules& rules() const noexcept { return options_.rules; }
  [[nodiscard]] std::string_view staging_directory() const noexcept;
  [[nodiscard]] std::vector<std::string> staging_notes() const;

 private:
  [[nodiscard]] std::expected<void, Refusal> start_up(Generation& generation);

  Engine& engine_;
  Events& events_;
  const Options options_;
  std::optional<Staging> staging_;
  static constexpr std::size_t tried_max = 1024;
  std::set<std::string, std::less<>> tried_;  // hashes that passed their trial
};

/// What its manifest says. [any]
[[nodiscard]] PluginInfo info_of(const std::string& file, const plugin_gate::Manifest& manifest);

}  // namespace backstage::plugin_host
