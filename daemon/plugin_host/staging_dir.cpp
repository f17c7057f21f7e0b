// Making, locking and clearing away of staging directories.
#include "daemon/plugin_host/staging_dir.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>
#include <vector>

#include "daemon/plugin_gate/ownership.hpp"

namespace backstage::plugin_host {
namespace {

constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

std::unexpected<std::string> because(const std::string& what, int error) {
  return std::unexpected(fmt::format("{}: {}", what, std::generic_category().message(error)));
}

std::vector<std::string> entries_of(int directory) {
  std::vector<std::string> names;
  const int copy = ::openat(directory, ".", directory_flags);
  if (copy < 0) return names;
  DIR* raw = ::fdopendir(copy);
  if (raw == nullptr) {
    ::close(copy);
    return names;
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> list{raw, &::closedir};
  while (const dirent* entry = ::readdir(list.get())) {
    const std::string name{&entry->d_name[0]};
    if (name != "." && name != "..") names.push_back(name);
  }
  return names;
}

// Flat on purpose: a staging directory holds files only, so whatever else lies there stays.
void remove_stale(int base) {
  for (const auto& name : entries_of(base)) {
    const Fd directory{::openat(base, name.c_str(), directory_flags)};
    if (!directory.is_open()) continue;
    if (::flock(directory.get(), LOCK_EX | LOCK_NB) != 0) continue;
    for (const auto& file : entries_of(directory.get())) {
      ::unlinkat(directory.get(), file.c_str(), 0);
    }
    ::unlinkat(base, name.c_str(), AT_REMOVEDIR);
  }
}

std::expected<Fd, std::string> open_base(const std::string& base) {
  std::error_code failed;
  std::filesystem::create_directories(std::filesystem::path{base}.parent_path(), failed);
  if (::mkdir(base.c_str(), 0700) != 0 && errno != EEXIST) {
    return because(fmt::format("{} cannot be made", base), errno);
  }
  Fd fd{::open(base.c_str(), directory_flags)};
  if (!fd.is_open()) return because(fmt::format("{} cannot be opened", base), errno);
  if (auto safe = plugin_gate::check_directory(base, ::geteuid()); !safe) {
    return std::unexpected(fmt::format("{} {}", safe.error().file, safe.error().cause));
  }
  return fd;
}

}  // namespace

std::expected<StagingDir, std::string> StagingDir::make(const std::string& parent) {
  std::error_code failed;
  const auto absolute = std::filesystem::absolute(parent, failed);
  if (parent.empty() || failed) return std::unexpected(fmt::format("'{}' is no directory", parent));
  const std::string base = absolute / "staging";
  auto base_fd = open_base(base);
  if (!base_fd) return std::unexpected(std::move(base_fd.error()));
  // Held until this one is locked, so that no other daemon takes it for a dead one's.
  if (::flock(base_fd->get(), LOCK_EX) != 0) {
    return because(fmt::format("{} cannot be locked", base), errno);
  }
  remove_stale(base_fd->get());

  std::string path = base + "/XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) {
    return because(fmt::format("no directory can be made in {}", base), errno);
  }
  Fd fd{::open(path.c_str(), directory_flags)};
  if (!fd.is_open() || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    ::rmdir(path.c_str());
    return because(fmt::format("{} cannot be locked", path), error);
  }
  return StagingDir{std::move(path), std::move(fd)};
}

StagingDir::~StagingDir() {
  if (fd_.is_open()) ::rmdir(path_.c_str());
}

}  // namespace backstage::plugin_host
