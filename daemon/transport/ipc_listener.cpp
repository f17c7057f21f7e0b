#include "daemon/transport/ipc_listener.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "daemon/transport/endpoint.hpp"
#include "daemon/transport/socket_limits.hpp"

namespace backstage::transport {
namespace {

constexpr int lock_tries_max = 16;

std::string lock_path(const std::string& path) { return path + ".lock"; }

bool is_same_file(int fd, const std::string& path) {
  struct stat by_fd{};
  struct stat by_path{};
  return ::fstat(fd, &by_fd) == 0 && ::lstat(path.c_str(), &by_path) == 0 &&
         by_fd.st_dev == by_path.st_dev && by_fd.st_ino == by_path.st_ino;
}

// The lock's descriptor, or -1 and errno: EWOULDBLOCK if another process has it.
int take_lock(const std::string& path) {
  for (int tries = 0; tries < lock_tries_max; ++tries) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return -1;
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      const int code = errno;
      ::close(fd);
      errno = code;
      return -1;
    }
    // Its last owner may have unlinked it between open and flock.
    if (is_same_file(fd, path)) return fd;
    ::close(fd);
  }
  errno = EWOULDBLOCK;
  return -1;
}

std::optional<gid_t> find_group(const std::string& name) {
  std::vector<char> buffer(1024);
  group entry{};
  group* found = nullptr;
  int code = 0;
  while ((code = ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found)) ==
         ERANGE) {
    buffer.resize(buffer.size() * 2);
  }
  if (code != 0 || found == nullptr) return std::nullopt;
  return found->gr_gid;
}

StartError error(const Endpoint& endpoint, int code, std::string why) {
  return {endpoint.address, code, fmt::format("cannot bind {}: {}", endpoint.address, why)};
}

// Checks what the system would only report in riddles.
std::optional<StartError> check_path(const Endpoint& endpoint) {
  const std::string path(ipc_path(endpoint.address));
  if (path.empty() || path.front() == '@' || path.front() == '*') {
    return error(endpoint, EINVAL, "the path must name a file: ipc:///run/backstaged/cmd.sock");
  }
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return error(endpoint, ENAMETOOLONG,
                 fmt::format("the path has {} bytes, a socket's may have {}; use a shorter "
                             "runtime directory",
                             path.size(), sizeof(sockaddr_un::sun_path) - 1));
  }
  struct stat there{};
  if (::lstat(path.c_str(), &there) == 0 && !S_ISSOCK(there.st_mode)) {
    return error(endpoint, EEXIST,
                 "something that is no socket is in its place, and is left alone; move it away, or "
                 "choose another path");
  }
  if (!endpoint.group.empty() && !find_group(endpoint.group)) {
    return error(endpoint, ENOENT,
                 fmt::format("there is no group '{}'; create it (`groupadd`), or correct `group`",
                             endpoint.group));
  }
  return std::nullopt;
}

}  // namespace

std::expected<IpcListener, StartError> IpcListener::open(const Endpoint& endpoint) {
  if (auto problem = check_path(endpoint)) return std::unexpected(*std::move(problem));
  const std::string path(ipc_path(endpoint.address));
  const int lock_fd = take_lock(lock_path(path));
  if (lock_fd < 0) {
    if (errno == EWOULDBLOCK) {
      return std::unexpected(error(
          endpoint, EADDRINUSE,
          "another backstaged serves it; stop that one, or give this one its own runtime_dir"));
    }
    return std::unexpected(bind_error(endpoint.address, errno));
  }
  IpcListener listener(path, lock_fd);
  if (const int code = listener.listen_at(endpoint); code != 0) {
    return std::unexpected(bind_error(endpoint.address, code));
  }
  return listener;
}

// Returns errno, 0 if all went well.
int IpcListener::listen_at(const Endpoint& endpoint) {
  // Under the lock, so what is there was left behind by a daemon that is no more.
  if (::unlink(path_.c_str()) != 0 && errno != ENOENT) return errno;
  socket_fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket_fd_ < 0) return errno;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.data(), path_.size());
  // Nobody else may connect before owner and mode are what they should be.
  const mode_t before = ::umask(0177);
  const int bound = ::bind(socket_fd_, reinterpret_cast<sockaddr*>(&address), sizeof address);
  const int bind_code = errno;
  ::umask(before);
  if (bound != 0) return bind_code;
  is_bound_ = true;
  if (!endpoint.group.empty()) {
    if (::chown(path_.c_str(), static_cast<uid_t>(-1), *find_group(endpoint.group)) != 0) {
      return errno;
    }
  }
  if (::chmod(path_.c_str(), endpoint.mode) != 0) return errno;
  return ::listen(socket_fd_, listen_backlog) == 0 ? 0 : errno;
}

IpcListener::IpcListener(IpcListener&& other) noexcept
    : path_(std::move(other.path_)),
      lock_fd_(std::exchange(other.lock_fd_, -1)),
      socket_fd_(std::exchange(other.socket_fd_, -1)),
      is_bound_(std::exchange(other.is_bound_, false)) {}

IpcListener::~IpcListener() {
  if (is_bound_) ::unlink(path_.c_str());
  if (socket_fd_ >= 0) ::close(socket_fd_);
  if (lock_fd_ < 0) return;
  ::unlink(lock_path(path_).c_str());
  ::close(lock_fd_);
}

int IpcListener::release() noexcept { return std::exchange(socket_fd_, -1); }

}  // namespace backstage::transport
