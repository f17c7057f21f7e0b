// ZmtpTransport's connections: who comes, as whom, and how each ends.
#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "daemon/gateway/zmtp_transport.hpp"

namespace backstage::gateway {
namespace {

// Of one listener in one turn.
constexpr int accepts_max = 64;
// Twice what a payload may have: so that one over the limit is answered with 413, while far over it
// the connection ends.
constexpr std::uint64_t frame_bytes_max(const Options& options) {
  return 2 * options.limits.payload_bytes_max + 4'096;
}
// Filters are all that comes in at pub.
constexpr std::uint64_t pub_frame_bytes_max = 1'024;

// As libzmq would tell it: an IP address, or `localhost:uid:gid:pid` as the kernel attests it.
std::string address_of(int fd) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (peer.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer);
    return ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  }
  if (peer.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(peer);
    return ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  }
  ucred who{};
  size = sizeof who;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return "localhost:";
  return fmt::format("localhost:{}:{}:{}", who.uid, who.gid, who.pid);
}

// A peer whose machine has gone without a word is noticed even if it answers no PING. It is no
// matter where there is no such option, as on ipc.
void set_up(int fd) noexcept {
  const int on = 1;
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  (void)::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

}  // namespace

void ZmtpTransport::accept_some(const ZmtpListener& listener) {
  for (int i = 0; i < accepts_max; ++i) {
    const int fd = ::accept4(listener.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      admit(fd, listener.door);
      continue;
    }
    // Who hung up again is none of ours. Without descriptors nobody can come in for a while.
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) listen(false);
    if (errno != ECONNABORTED && errno != EINTR) return;
  }
}

void ZmtpTransport::admit(int fd, Door door) {
  const auto verdict = policy::check_plain(door, address_of(fd), principals_.zap_rules());
  // A client of cmd whom nobody knows is told so by ERR 401.
  const bool is_nobody = door == Door::cmd && verdict.status == "400";
  if (verdict.status != "200" && !is_nobody) {
    counters_.auth_refused.add();
    events_.connection_refused(verdict.who, verdict.why);
    ::close(fd);
    return;
  }
  set_up(fd);
  const auto bytes_max = door == Door::pub ? pub_frame_bytes_max : frame_bytes_max(options_);
  // Even numbers: odd ones are libzmq's.
  const PeerId id{last_id_ += 2};
  auto& owner = all_[id];
  owner = std::make_unique<ZmtpConnection>(fd, door, bytes_max);
  ZmtpConnection& connection = *owner;
  connection.peer.id = id;
  connection.peer.user_id = NameRef(verdict.user);
  connection.heard_at = now_;
  connection.handshake = std::make_unique<Handshake>();
  connection.output.append_bytes(chunks_, zmtp::greeting(), 0);
  mark_dirty(connection);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &connection;
  (void)::epoll_ctl(poll_.native_handle(), EPOLL_CTL_ADD, fd, &event);
  connections_.opened(door, fd);
  connections_.watch_gate();
  if (connections_.surplus() != 0) (void)connections_.cut(door, fd);
  arm_tick();
}

void ZmtpTransport::end(ZmtpConnection& connection) {
  if (std::exchange(connection.is_over, true)) return;
  const PeerId id = connection.peer.id;
  const auto found = all_.find(id);
  // Before anybody is told: who is told may ask for memory and not get it.
  dead_.push_back(std::move(found->second));
  all_.erase(found);
  if (last_sent_to_ == &connection) last_sent_to_ = nullptr;
  if (connection.is_blocked) --blocked_;
  connection.output.clear(chunks_);
  (void)connections_.closed(connection.door, connection.fd);
  ::close(connection.fd);
  connections_.watch_gate();
  filters_.remove_all(connection,
                      [this](std::string_view filter) { handler_->on_filter(filter, false); });
  if (connection.door == Door::cmd && connection.is_met) handler_->on_gone(id);
}

void ZmtpTransport::break_off(ZmtpConnection& connection, std::string_view why) {
  counters_.cut.add();
  // Who tries ten times a second need not be told of each time.
  if (std::exchange(told_at_, now_ + 1) != now_ + 1) {
    events_.connection_cut(connection.peer.user_id, why);
  }
  end(connection);
}

}  // namespace backstage::gateway
