// Lists a directory, and lets inotify say when that is worth the while.
#include "daemon/plugin_host/drop_folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

namespace backstage::plugin_host {
namespace {

constexpr std::uint32_t hints_wanted = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |
                                       IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB;

std::int64_t nanoseconds_of(const timespec& time) noexcept {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

FileStamp stamp_of(const struct stat& info) noexcept {
  return {.device = info.st_dev,
          .inode = info.st_ino,
          .size = info.st_size,
          .modified_ns = nanoseconds_of(info.st_mtim),
          .changed_ns = nanoseconds_of(info.st_ctim)};
}

std::unexpected<std::string> unlisted(const std::string& directory) {
  return std::unexpected(fmt::format("the plugin directory {} cannot be listed: {}", directory,
                                     std::generic_category().message(errno)));
}

// Whether a hint may be about a plugin: its own name, or one that links of plugins lead through as
// configuration systems have it (`..data`), or the directory itself.
bool is_of_interest(const inotify_event& event, std::string_view name) noexcept {
  constexpr std::uint32_t about_itself = IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED;
  return (event.mask & about_itself) != 0 || name.empty() || name.starts_with("..") ||
         Settling::is_plugin_name(name);
}

}  // namespace

std::expected<Snapshot, std::string> list_plugins(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> listing{::opendir(directory.c_str()), &::closedir};
  if (listing == nullptr) return unlisted(directory);
  const int fd = ::dirfd(listing.get());
  Snapshot snapshot;
  struct stat info{};
  if (::fstat(fd, &info) != 0) return unlisted(directory);
  snapshot.directory = stamp_of(info);

  std::vector<std::string> names;
  for (errno = 0;; errno = 0) {
    const dirent* entry = ::readdir(listing.get());
    if (entry == nullptr && errno != 0) return unlisted(directory);
    if (entry == nullptr) break;
    if (Settling::is_plugin_name(entry->d_name)) names.emplace_back(entry->d_name);
  }
  std::ranges::sort(names);
  if (names.size() > plugin_files_max) {
    snapshot.left_out = names.size() - plugin_files_max;
    names.resize(plugin_files_max);
  }
  for (auto& name : names) {
    // One that is gone by now was removed a moment earlier than it seems, no more.
    if (::fstatat(fd, name.c_str(), &info, 0) == 0 ||
        ::fstatat(fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
      snapshot.files.push_back({std::move(name), stamp_of(info)});
    }
  }
  return snapshot;
}

DropFolder::DropFolder(std::string directory, Settling::Limits limits, bool hints)
    : directory_(std::move(directory)),
      limits_(limits),
      settling_(limits),
      hints_(hints ? ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC) : -1) {
  watch_again();
}

// The watch is of a directory, not of its path: another one in its place needs another watch.
void DropFolder::watch_again() {
  struct stat info{};
  if (!hints_.is_open() || ::stat(directory_.c_str(), &info) != 0) return;
  const auto stamp = stamp_of(info);
  const bool is_same = stamp.device == watched_.device && stamp.inode == watched_.inode;
  if (watch_ >= 0 && is_same) return;
  if (watch_ >= 0) (void)::inotify_rm_watch(hints_.get(), watch_);
  watch_ = ::inotify_add_watch(hints_.get(), directory_.c_str(), hints_wanted | IN_ONLYDIR);
  watched_ = stamp;
}

bool DropFolder::take_hints() {
  bool is_worth_it = false;
  // Room for one event with the longest name, and so for many of the usual kind.
  alignas(inotify_event) std::array<char, 16'384> events{};
  for (;;) {
    const auto got = ::read(hints_.get(), events.data(), events.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return is_worth_it;
    for (std::size_t at = 0; at + sizeof(inotify_event) <= static_cast<std::size_t>(got);) {
      inotify_event event{};
      std::memcpy(&event, events.data() + at, sizeof event);
      const char* name = events.data() + at + sizeof event;
      at += sizeof event + event.len;
      if (is_of_interest(event, {name, ::strnlen(name, event.len)})) is_worth_it = true;
      if (event.wd == watch_ && (event.mask & (IN_IGNORED | IN_MOVE_SELF)) != 0) {
        // A moved directory would go on giving hints about a place nobody looks at.
        if ((event.mask & IN_MOVE_SELF) != 0) (void)::inotify_rm_watch(hints_.get(), watch_);
        watch_ = -1;
      }
    }
  }
}

std::expected<Snapshot, std::string> DropFolder::list(TimePoint now) {
  // First, so that what happens while the listing is made is hinted at.
  watch_again();
  auto snapshot = list_plugins(directory_);
  if (snapshot) {
    left_out_ = snapshot->left_out;
    failed_at_.reset();
  } else {
    failed_at_ = now;
  }
  return snapshot;
}

std::expected<void, std::string> DropFolder::adopt(TimePoint now) {
  const auto snapshot = list(now);
  if (!snapshot) return std::unexpected(snapshot.error());
  settling_.adopt(snapshot->files, now);
  return {};
}

std::expected<FolderChanges, std::string> DropFolder::look(TimePoint now) {
  const auto snapshot = list(now);
  if (!snapshot) return std::unexpected(snapshot.error());
  return settling_.look(snapshot->files, now);
}

TimePoint DropFolder::next_look(TimePoint now) const {
  // Nothing settles while nothing can be seen.
  return failed_at_ ? *failed_at_ + limits_.rescan : settling_.next_look(now);
}

}  // namespace backstage::plugin_host
