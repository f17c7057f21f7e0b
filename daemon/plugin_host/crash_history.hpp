/// CrashHistory: what earlier runs recorded of crashes, and which plugins that keeps out.
#pragma once
#include <chrono>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/plugin_host/crash_record.hpp"
#include "daemon/plugin_host/fd.hpp"
#include "daemon/plugin_host/refusal.hpp"

namespace backstage::plugin_host {

struct CrashRules {
  /// So many crashes of one file within the window keep it out from the next start on, until it is
  /// retried or replaced. 0: none ever does.
  std::uint32_t crashes_max = 3;
  std::chrono::milliseconds window = std::chrono::minutes{10};
};

/// Counted by the hash of the file: a new build of a plugin has a clean record. [loader]
class CrashHistory {
 public:
  /// None: nothing is kept out.
  CrashHistory() = default;
  /// Reads the record; a file that is not there is an empty one. Lines that are torn or foreign are
  /// passed over and counted. One that has grown beyond `record_bytes_max` is written anew with the
  /// newest lines of each plugin, before it is opened for a handler. `now` is the wall clock.
  CrashHistory(std::string path, CrashRules rules, std::chrono::system_clock::time_point now);

  /// The newest crash of this file within the window before the start, or null; `count` of them.
  struct Recent {
    std::size_t count = 0;
    std::optional<CrashEntry> last;
  };
  [[nodiscard]] Recent recent(std::string_view sha256) const;
  /// Why the plugin with this hash stays out (quarantined), if it does. `file` is its path.
  [[nodiscard]] std::optional<Refusal> quarantine_of(std::string_view sha256,
                                                     std::string_view file) const;
  /// Forgets the crashes of this file, here and in the record: it is given another chance. False:
  /// there were none. Errors, a sentence: the record cannot be written; nothing is forgotten then.
  [[nodiscard]] std::expected<bool, std::string> forget(std::string_view sha256,
                                                        std::chrono::system_clock::time_point now);

  /// Lines that made no sense.
  [[nodiscard]] std::size_t foreign_lines() const noexcept { return foreign_lines_; }

  static constexpr std::size_t record_bytes_max = std::size_t{256} * 1024;
  /// Of one plugin, when the record is written anew.
  static constexpr std::size_t lines_kept = 32;

 private:
  void take(CrashEntry entry);
  void write_anew(const std::vector<std::string_view>& lines) const;
  [[nodiscard]] bool is_over_limit(const std::vector<CrashEntry>& crashes) const;

  std::string path_;
  CrashRules rules_;
  std::chrono::milliseconds now_{};
  std::map<std::string, std::vector<CrashEntry>, std::less<>> crashes_;  // by hash, oldest first
  std::size_t foreign_lines_ = 0;
};

/// Opens the record for appending, making it (0600) if need be. Errors: a sentence. [loader]
[[nodiscard]] std::expected<Fd, std::string> open_crash_record(const std::string& path);

}  // namespace backstage::plugin_host
