/// From a file and the command line to a Config, or to all that is wrong with them.
#pragma once
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/config.hpp"
#include "daemon/config/problem.hpp"
#include "daemon/config/runtime_dir.hpp"

namespace backstage::config {

/// One value given on the command line.
struct Override {
  /// JSON pointer, '=', then JSON, or a plain string if it is not JSON: `/log/level=debug`.
  std::string assignment{};
  /// What the person wrote: `--set /log/level=debug`, `--log-level debug`.
  std::string option{};
};

/// Where a config comes from; kept for reloads, so that command line values survive them.
struct ConfigSource {
  /// Nothing: the embedded defaults.
  std::optional<std::string> file{};
  std::vector<Override> overrides{};
};

struct LoadedConfig {
  Config values;
  /// The effective config as JSON with all defaults, for --print-config and for diff; loading it
  /// gives the same values again.
  std::string effective{};
};

/// Reads, validates and completes. Directories in the file are relative to the file's directory,
/// those of --set to the working directory. All problems are reported together, in the file's
/// order; the exit code for them is 78. [main]
[[nodiscard]] std::expected<LoadedConfig, Problems> load_config(const ConfigSource& source,
                                                                const Environment& environment);
/// The same for a text that is already in memory; `name` stands for the file in messages, and its
/// directory is where relative directories begin. [main]
[[nodiscard]] std::expected<LoadedConfig, Problems> load_config_text(
    std::string_view text, const std::string& name, const std::vector<Override>& overrides,
    const Environment& environment);

/// Reads a regular file of at most config_bytes_max bytes. CFG-101 missing, CFG-102 no regular
/// file, CFG-103 unreadable, CFG-105 too large. [main]
[[nodiscard]] std::expected<std::string, Problem> read_config_file(const std::string& path);

/// One changed key. Settings below `types`, `actors` and `plugins.config` are reported by name.
struct ConfigChange {
  std::string pointer{};
  /// Applied by SIGHUP; otherwise it waits for a restart.
  bool is_live = false;
  /// JSON text; empty when the key was not there.
  std::string before{};
  std::string after{};
};
/// What changed, in the schema's order. [any]
[[nodiscard]] std::vector<ConfigChange> diff(const LoadedConfig& before, const LoadedConfig& after);

/// config/schema.json, as --print-schema shows it. [any]
[[nodiscard]] std::string_view config_schema() noexcept;

/// The endpoint to bind: `{runtime_dir}` replaced. [any]
[[nodiscard]] std::string resolve_endpoint(std::string_view endpoint, std::string_view runtime_dir);

}  // namespace backstage::config
