// Reading the file: bounded, regular files only, one clear reason for every refusal.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "daemon/config/json_document.hpp"
#include "daemon/config/load.hpp"

namespace backstage::config {
namespace {

std::unexpected<Problem> refuse_open(const std::string& path, int error) {
  if (error == ENOENT || error == ENOTDIR) {
    return refuse("CFG-101", path, "there is no such file",
                  "check the path given with --config; without it the defaults are used");
  }
  return refuse("CFG-103", path, fmt::format("cannot be read: {}", std::strerror(error)),
                "the daemon's user needs read permission on the file and its directories");
}

class File {
 public:
  explicit File(const std::string& path)
      // O_NONBLOCK: opening a FIFO must not wait for a writer.
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

}  // namespace

std::expected<std::string, Problem> read_config_file(const std::string& path) {
  const File file{path};
  struct stat about{};
  if (file.fd() < 0 || ::fstat(file.fd(), &about) != 0) return refuse_open(path, errno);
  if (!S_ISREG(about.st_mode)) {
    return refuse("CFG-102", path,
                  S_ISDIR(about.st_mode) ? "is a directory" : "is not a regular file",
                  "name a JSON file; a reload reads it again, so pipes will not do");
  }
  const auto too_large = [&path] {
    return refuse("CFG-105", path, fmt::format("is larger than {} bytes", config_bytes_max),
                  "check that this is the right file");
  };
  if (static_cast<std::uint64_t>(about.st_size) > config_bytes_max) return too_large();
  // One byte more than allowed, so that a file that grows meanwhile is noticed.
  std::string text(config_bytes_max + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto count = ::read(file.fd(), text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return refuse_open(path, errno);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  if (size > config_bytes_max) return too_large();
  text.resize(size);
  text.shrink_to_fit();
  return text;
}

}  // namespace backstage::config
