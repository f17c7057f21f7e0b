/// DropFolder: the directory plugins are dropped into, watched while the daemon runs.
///
/// What the system tells (inotify) are hints: they say when to look, never what is there. Looking
/// is listing the directory; file systems that give no hints are listed every `rescan`.
#pragma once
#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "daemon/plugin_host/fd.hpp"
#include "daemon/plugin_host/settling.hpp"

namespace backstage::plugin_host {

/// Far above any directory of plugins; it bounds what a mistaken copy of a whole tree can cost.
inline constexpr std::size_t plugin_files_max = 4'096;

/// One listing.
struct Snapshot {
  std::vector<Sighting> files;  ///< plugins only, sorted by name
  std::size_t left_out = 0;     ///< plugins over plugin_files_max, the last by name
  FileStamp directory;          ///< of the directory itself
};

/// Lists plugins with their stamps. Only they are looked at more closely, however much else lies
/// there. A link that leads nowhere has a stamp of its own. Errors: a clause that names the
/// directory and what the system said. [any]
[[nodiscard]] std::expected<Snapshot, std::string> list_plugins(const std::string& directory);

class DropFolder {
 public:
  /// Does not look yet; a directory that is not there is watched once it is. `hints` false: by
  /// listing only.
  DropFolder(std::string directory, Settling::Limits limits, bool hints = true);

  /// Readable when there are hints; stays the same as long as this object. -1: none are given, so
  /// next_look is all there is. [any]
  [[nodiscard]] int fd() const noexcept { return hints_.get(); }
  /// Reads all hints; whether it is worth a look now. Those about other files are not. [loader]
  [[nodiscard]] bool take_hints();

  /// Takes what lies there as known. Call it before reading the files, so that what changes
  /// meanwhile is told. Errors as list_plugins. [loader]
  [[nodiscard]] std::expected<void, std::string> adopt(TimePoint now);
  /// What has settled or vanished since. Errors as list_plugins: then nothing is taken as changed,
  /// let alone removed, since a directory that cannot be read says nothing about its files; it is
  /// well to look again at next_look. [loader]
  [[nodiscard]] std::expected<FolderChanges, std::string> look(TimePoint now);
  /// Has a file told again, changed or not, once it has been left alone. [loader]
  void look_again(std::string_view name, TimePoint now) { settling_.look_again(name, now); }
  /// Those that are being left alone, to see whether they change. [loader]
  [[nodiscard]] std::vector<std::string> unsettled() const { return settling_.unsettled(); }
  /// When to look without a hint. [loader]
  [[nodiscard]] TimePoint next_look(TimePoint now) const;
  /// Plugins that the last look left out for their number. [loader]
  [[nodiscard]] std::size_t left_out() const noexcept { return left_out_; }

 private:
  [[nodiscard]] std::expected<Snapshot, std::string> list(TimePoint now);
  void watch_again();

  const std::string directory_;
  const Settling::Limits limits_;
  Settling settling_;
  Fd hints_;
  int watch_ = -1;       // inotify's number of the directory, while it is the right one
  FileStamp watched_{};  // which directory that is
  std::optional<TimePoint> failed_at_{};  // when the last look saw nothing
  std::size_t left_out_ = 0;
};

}  // namespace backstage::plugin_host
