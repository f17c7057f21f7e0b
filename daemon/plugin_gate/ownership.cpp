// Owner and mode checks on the way to a plugin and on the plugin itself.
#include "daemon/plugin_gate/ownership.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <deque>
#include <filesystem>
#include <optional>
#include <system_error>

#include "daemon/plugin_gate/refuse.hpp"

namespace backstage::plugin_gate {
namespace {

// The kernel's own limit (MAXSYMLINKS) for one path.
constexpr int links_max = 40;
constexpr mode_t writable_by_others = S_IWGRP | S_IWOTH;

enum class Place { on_the_way, plugin_directory };
enum class Want { directory, file };

std::string why(int error) { return std::generic_category().message(error); }

Refused unreadable(std::string_view path, int error) {
  const auto shown = printable(path);
  return refuse(
      Code::unreadable, fmt::format("cannot open {}: {}", shown, why(error)),
      error == ENOENT
          ? fmt::format("create {} or correct its path in the config", shown)
          : fmt::format("let the daemon's user read {} and pass the directories above it", shown));
}

bool is_trusted(uid_t owner, uid_t trusted_uid) noexcept {
  return owner == 0 || owner == trusted_uid;
}

Refused bad_owner(std::string_view what, uid_t owner, uid_t trusted_uid) {
  return refuse(Code::bad_owner,
                fmt::format("{} belongs to uid {}, who is neither root nor the daemon's user {}",
                            what, owner, trusted_uid),
                fmt::format("chown it to root (or uid {}) after checking what it is", trusted_uid));
}

Checked check_one(const std::string& path, const struct stat& info, uid_t trusted_uid,
                  Place place) {
  const auto shown = printable(path);
  if (!S_ISDIR(info.st_mode)) {
    return refuse(Code::not_directory, fmt::format("{} is no directory", shown),
                  "name a directory of plugins in the config");
  }
  if (!is_trusted(info.st_uid, trusted_uid)) {
    return bad_owner(fmt::format("the directory {}", shown), info.st_uid, trusted_uid);
  }
  const bool is_sticky_of_root = info.st_uid == 0 && (info.st_mode & S_ISVTX) != 0;
  if ((info.st_mode & writable_by_others) == 0 ||
      (place == Place::on_the_way && is_sticky_of_root)) {
    return {};
  }
  // Closing a shared directory such as /tmp would break its other users.
  const auto fix = (info.st_mode & S_ISVTX) != 0
                       ? std::string{"keep plugins in a directory of their own, mode 0755"}
                       : fmt::format("run: chmod go-w {}", shown);
  return refuse(Code::writable_directory,
                fmt::format("users other than root and the daemon's may write to the directory {} "
                            "(mode {:04o}), so no plugin in it can be trusted",
                            shown, info.st_mode & 07777U),
                fix);
}

void push_front(std::deque<std::string>& todo, const std::filesystem::path& path) {
  std::deque<std::string> parts;
  for (const auto& part : path.relative_path()) {
    if (!part.empty() && part != ".") parts.push_back(part.string());
  }
  todo.insert(todo.begin(), parts.begin(), parts.end());
}

std::optional<std::filesystem::path> link_target(const std::string& path) {
  std::string target(PATH_MAX, '\0');
  const auto size = ::readlink(path.c_str(), target.data(), target.size());
  if (size <= 0) return std::nullopt;
  target.resize(static_cast<std::size_t>(size));
  return target;
}

// Follows `path` to its end, which the caller judges when it is to be a file. Each component is
// looked at only after nobody else can change the directory it stands in.
std::expected<std::string, Rejection> walk(const std::string& path, uid_t trusted_uid, Want want) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  if (error || path.empty()) return unreadable(path, error ? error.value() : ENOENT);
  std::deque<std::string> todo;
  push_front(todo, absolute);
  std::filesystem::path here = "/";
  struct stat info{};
  for (int links = 0;;) {
    if (::lstat(here.c_str(), &info) != 0) return unreadable(here.native(), errno);
    const bool is_end = todo.empty() && !S_ISLNK(info.st_mode);
    if (is_end && want == Want::file) return here.native();
    if (!S_ISLNK(info.st_mode)) {
      const bool holds_plugins = todo.size() == (want == Want::file ? 1 : 0);
      const auto place = holds_plugins ? Place::plugin_directory : Place::on_the_way;
      if (auto checked = check_one(here.native(), info, trusted_uid, place); !checked) {
        return Refused(std::move(checked.error()));
      }
      if (is_end) return here.native();
    } else {
      if (!is_trusted(info.st_uid, trusted_uid)) {
        return bad_owner(fmt::format("the link {}", printable(here.native())), info.st_uid,
                         trusted_uid);
      }
      const auto target = link_target(here.native());
      if (!target || ++links > links_max) {
        return unreadable(here.native(), target ? ELOOP : errno);
      }
      push_front(todo, *target);
      here = target->is_absolute() ? std::filesystem::path{"/"} : here.parent_path();
      if (todo.empty()) continue;
    }
    const auto next = std::move(todo.front());
    todo.pop_front();
    here = next == ".." ? here.parent_path() : here / next;
  }
}

// O_NONBLOCK: opening a FIFO must not wait for its writer. O_NOCTTY: nor a terminal take us over.
int open_itself(const std::string& path) noexcept {
  return ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

// Where the link at `path` leads.
std::expected<std::string, Rejection> follow(const std::string& path, uid_t trusted_uid) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0 && errno == ENOENT) {
    const auto target = link_target(path);
    return refuse(Code::symlink,
                  fmt::format("it is a symbolic link to {}, which is not there",
                              printable(target ? target->native() : std::string{})),
                  fmt::format("point it at a plugin: ln -sfn FILE {}", printable(path)));
  }
  return walk(path, trusted_uid, Want::file);
}

}  // namespace

Checked check_directory(const std::string& path, uid_t trusted_uid) {
  auto end = walk(path, trusted_uid, Want::directory);
  if (!end) return Refused(std::move(end.error()));
  return {};
}

std::expected<int, Rejection> open_checked(const std::string& path, uid_t trusted_uid) {
  int fd = open_itself(path);
  if (fd < 0 && errno == ELOOP) {
    const auto target = follow(path, trusted_uid);
    if (!target) return Refused(target.error());
    fd = open_itself(*target);
    if (fd < 0 && errno == ELOOP) {
      return refuse(Code::symlink, "it is a symbolic link that changed while it was followed",
                    "wait until whoever changes it is done");
    }
  }
  const auto not_regular = [] {
    return refuse(Code::not_regular, "it is no regular file",
                  "remove it, or move it out of the plugin directory");
  };
  if (fd < 0) return errno == ENXIO ? not_regular() : unreadable(path, errno);

  struct stat info{};
  auto verdict = [&]() -> Checked {
    if (::fstat(fd, &info) != 0) return unreadable(path, errno);
    if (!S_ISREG(info.st_mode)) return not_regular();
    if (!is_trusted(info.st_uid, trusted_uid)) return bad_owner("it", info.st_uid, trusted_uid);
    if ((info.st_mode & writable_by_others) != 0) {
      return refuse(
          Code::writable_file,
          fmt::format("users other than root and the daemon's may change it (mode {:04o})",
                      info.st_mode & 07777U),
          fmt::format("run: chmod go-w {}", printable(path)));
    }
    return {};
  }();
  if (verdict) return fd;
  ::close(fd);
  return Refused(std::move(verdict.error()));
}

}  // namespace backstage::plugin_gate
