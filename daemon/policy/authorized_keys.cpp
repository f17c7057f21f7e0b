#include "daemon/policy/authorized_keys.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace backstage::policy {
namespace {

constexpr std::string_view ending = ".key";
constexpr std::size_t name_bytes_max = 64;

bool is_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= name_bytes_max && std::ranges::all_of(name, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

class Directory {
 public:
  explicit Directory(const std::string& path) : handle_(::opendir(path.c_str())) {}
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() {
    if (handle_ != nullptr) ::closedir(handle_);
  }
  [[nodiscard]] bool is_open() const noexcept { return handle_ != nullptr; }
  [[nodiscard]] int fd() const noexcept { return ::dirfd(handle_); }

  // Files that end in `.key`, in the order of their names.
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> names;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): each Directory has a handle of its own
    while (const dirent* entry = ::readdir(handle_)) {
      const std::string_view name{entry->d_name};
      if (name.ends_with(ending) && name.front() != '.') names.emplace_back(name);
    }
    std::ranges::sort(names);
    return names;
  }

 private:
  DIR* handle_;
};

std::unexpected<KeyFault> refuse_directory(const std::string& path, std::string what,
                                           std::string next) {
  return std::unexpected(KeyFault{"KEY-106", path, std::move(what), std::move(next)});
}

std::expected<void, KeyFault> judge(const Directory& directory, const std::string& path) {
  struct stat about{};
  if (!directory.is_open() || ::fstat(directory.fd(), &about) != 0) {
    return refuse_directory(path, fmt::format("cannot be read: {}", std::strerror(errno)),
                            "make it, with one public key file NAME.key for each client");
  }
  if (about.st_uid != ::geteuid() && about.st_uid != 0) {
    return refuse_directory(
        path, fmt::format("belongs to uid {}, who could let anybody in", about.st_uid),
        fmt::format("chown {} it", ::geteuid()));
  }
  if ((about.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return refuse_directory(path,
                            fmt::format("is writable by others (mode {:04o}): they could let "
                                        "anybody in",
                                        about.st_mode & 07777U),
                            "chmod go-w it");
  }
  return {};
}

}  // namespace

bool AuthorizedKeys::add(std::string name, const Key& key) {
  if (by_key_.contains(key)) return false;
  by_key_.emplace(key, name);
  by_name_.emplace(std::move(name), key);
  return true;
}

std::string_view AuthorizedKeys::find(std::string_view key) const noexcept {
  if (key.size() != key_bytes) return {};
  Key wanted{};
  std::copy_n(key.begin(), key_bytes, wanted.begin());
  const auto found = by_key_.find(wanted);
  return found == by_key_.end() ? std::string_view{} : std::string_view{found->second};
}

std::vector<std::string> AuthorizedKeys::lost_in(const AuthorizedKeys& after) const {
  std::vector<std::string> lost;
  for (const auto& [name, key] : by_name_) {
    const auto found = after.by_name_.find(name);
    if (found == after.by_name_.end() || found->second != key) lost.push_back(name);
  }
  return lost;
}

std::expected<KeyDirectory::Found, KeyFault> KeyDirectory::read() {
  // Before the files: what changes while they are read is seen as a change the next time.
  signature_ = signature();
  const Directory directory(path_);
  if (auto fine = judge(directory, path_); !fine) return std::unexpected(fine.error());
  Found found;
  for (const auto& file : directory.files()) {
    const auto path = path_ + '/' + file;
    const auto name = file.substr(0, file.size() - ending.size());
    const auto refuse = [&](const char* code, std::string what, std::string next) {
      found.refused.push_back({code, path, std::move(what), std::move(next)});
    };
    if (found.keys.size() >= authorized_keys_max) {
      refuse("KEY-109", fmt::format("is one key too many: {} are read", authorized_keys_max),
             "remove keys that nobody uses");
      break;
    }
    if (!is_name(name)) {
      refuse("KEY-107", "has a name that no client can have",
             "1 to 64 of A-Z a-z 0-9 . _ - before .key");
      continue;
    }
    const auto key = read_public_key(path);
    if (!key) {
      found.refused.push_back(key.error());
      continue;
    }
    if (!found.keys.add(name, *key)) {
      refuse("KEY-108",
             fmt::format("holds the key of {}.key", found.keys.find({key->data(), key->size()})),
             "give each client a key of its own");
    }
  }
  return found;
}

bool KeyDirectory::has_changed() const { return signature() != signature_; }

std::string KeyDirectory::signature() const {
  const Directory directory(path_);
  std::string text;
  const auto add = [&text](std::string_view name, const struct stat& about) {
    text += fmt::format("{} {} {} {} {} {} {}.{}\n", name, about.st_ino, about.st_size,
                        about.st_mode, about.st_uid, about.st_ctim.tv_sec, about.st_ctim.tv_nsec,
                        about.st_mtim.tv_nsec);
  };
  struct stat about{};
  if (!directory.is_open() || ::fstat(directory.fd(), &about) != 0) return "unreadable";
  // Of the directory only what decides: its times change with files that are nobody's business.
  text += fmt::format("{} {}\n", about.st_mode, about.st_uid);
  for (const auto& file : directory.files()) {
    if (::fstatat(directory.fd(), file.c_str(), &about, 0) == 0) add(file, about);
  }
  return text;
}

}  // namespace backstage::policy
