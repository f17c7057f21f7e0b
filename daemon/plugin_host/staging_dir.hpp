/// StagingDir: the private directory of one running daemon from which plugins are loaded.
#pragma once
#include <expected>
#include <string>

#include "daemon/plugin_host/fd.hpp"

namespace backstage::plugin_host {

/// `PARENT/staging/XXXXXX`, 0700, locked while it lives. Removed with its object, when empty.
class StagingDir {
 public:
  /// Makes one, and removes those that dead daemons left beside it: whose lock is free. The error
  /// is a clause for people. [loader]
  [[nodiscard]] static std::expected<StagingDir, std::string> make(const std::string& parent);

  StagingDir(StagingDir&&) noexcept = default;
  StagingDir& operator=(StagingDir&&) = delete;
  ~StagingDir();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  StagingDir(std::string path, Fd fd) noexcept : path_(std::move(path)), fd_(std::move(fd)) {}
  std::string path_;
  Fd fd_;  // holds the lock that says: in use
};

}  // namespace backstage::plugin_host
