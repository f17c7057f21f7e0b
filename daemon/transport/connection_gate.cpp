#include "daemon/transport/connection_gate.hpp"

#include <linux/filter.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdio>

namespace backstage::transport {
namespace {

// Over connections_max: who comes while the gate is being closed. They are not worth a cut, which
// loses what a client has said already, but a crowd would take every descriptor.
constexpr std::size_t extra_connections_max = 128;
// For plugins and logs, and for those.
constexpr rlim_t other_files = 128 + extra_connections_max;

void drop_all(int fd) noexcept {
  sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
  sock_fprog program{1, &nothing};
  (void)::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

void drop_none(int fd) noexcept {
  int unused = 0;
  (void)::setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
}

std::string closed_name(const std::string& path) { return path + ".full"; }

}  // namespace

ConnectionGate::~ConnectionGate() {
  if (is_closed_) set_closed(false);
}

ConnectionGate::Change ConnectionGate::on_count(std::size_t connections) {
  const std::size_t few = std::max<std::size_t>(1, max_ / 64);
  if (!is_closed_ && connections >= max_) {
    set_closed(true);
    return Change::closed;
  }
  if (is_closed_ && connections + few <= max_) {
    set_closed(false);
    return Change::opened;
  }
  return Change::none;
}

std::size_t ConnectionGate::surplus(std::size_t connections) const noexcept {
  const std::size_t most = max_ + std::min(max_, extra_connections_max);
  return connections > most ? connections - most : 0;
}

void ConnectionGate::set_closed(bool closed) {
  is_closed_ = closed;
  for (const int fd : listening_) closed ? drop_all(fd) : drop_none(fd);
  for (const auto& path : paths_) {
    // A socket's file may have any name: what is bound is the file.
    const auto other = closed_name(path);
    (void)(closed ? std::rename(path.c_str(), other.c_str())
                  : std::rename(other.c_str(), path.c_str()));
  }
}

std::uint32_t affordable_connections(std::uint32_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  const rlim_t needed = wanted + other_files;
  if (limit.rlim_cur < needed && limit.rlim_cur < limit.rlim_max) {
    rlimit raised = limit;
    raised.rlim_cur = std::min(needed, limit.rlim_max);
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  if (limit.rlim_cur >= needed) return wanted;
  // With very few files at all, a quarter of them.
  const rlim_t left =
      std::max(limit.rlim_cur > other_files ? limit.rlim_cur - other_files : 1, limit.rlim_cur / 4);
  return static_cast<std::uint32_t>(left);
}

}  // namespace backstage::transport
