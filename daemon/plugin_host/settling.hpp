/// Settling: from what a directory looks like now and then to what has happened to its plugins.
///
/// Pure: it is given snapshots and times. A file counts once it has been left alone for `settle`,
/// and as removed once it has been gone for as long: so a slow copy is one change, and removing a
/// file to put another in its place is a change and no removal.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"

namespace backstage::plugin_host {

/// What tells one content of a file from another without reading it. The change time is part of it:
/// it shows what tools hide that set the modification time back, and a corrected mode or owner.
struct FileStamp {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

/// One plugin file in a snapshot; of a symbolic link the stamp is that of what it leads to.
struct Sighting {
  std::string name;
  FileStamp stamp;
};

/// Names of files, without their directory, sorted.
struct FolderChanges {
  std::vector<std::string> settled;   ///< new, or other than when they settled last
  std::vector<std::string> vanished;  ///< settled once, and gone now
  [[nodiscard]] bool empty() const noexcept { return settled.empty() && vanished.empty(); }
};

class Settling {
 public:
  struct Limits {
    Duration settle;
    Duration rescan;
  };

  explicit Settling(Limits limits) : limits_(limits) {}

  /// Whether a name is one of a plugin: `*.so` that does not begin with a dot. What copying tools
  /// and editors leave behind while they work is called otherwise: `.x.so.Xy12`, `x.so.part`. [any]
  [[nodiscard]] static bool is_plugin_name(std::string_view name) noexcept {
    return name.ends_with(".so") && !name.starts_with('.');
  }

  /// Takes all of `snapshot` as settled and told already. [loader]
  void adopt(std::span<const Sighting> snapshot, TimePoint now);
  /// What has settled or vanished by now; each is told once. Names that are none of a plugin's are
  /// passed over. [loader]
  [[nodiscard]] FolderChanges look(std::span<const Sighting> snapshot, TimePoint now);
  /// Has `name` told again once it has been left alone from now on, if it is there. [loader]
  void look_again(std::string_view name, TimePoint now);
  /// Those that are there and wait to be told. [loader]
  [[nodiscard]] std::vector<std::string> unsettled() const;
  /// When the next snapshot is due without a hint: the end of something's settling, or the rescan.
  /// Not after now + rescan. [loader]
  [[nodiscard]] TimePoint next_look(TimePoint now) const;

 private:
  struct Entry {
    FileStamp stamp{};
    TimePoint since{};                   // when it was first seen like this
    std::optional<TimePoint> missing{};  // since when it is gone
    bool is_told = false;                // as it is now
    bool is_known = false;               // told in some state, so its end matters
    bool is_seen = false;                // in the snapshot at hand
  };

  void see(const Sighting& sighting, TimePoint now);

  const Limits limits_;
  TimePoint last_look_{};
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace backstage::plugin_host
