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

#include "daemon/transport/socket_limits.hpp"
#include "daemon/transport/zmtp_transport.hpp"

namespace backstage::transport {
namespace {

// Of one listener in one turn.
constexpr int accepts_max = 64;

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

void ZmtpConnection::close() noexcept {
  if (fd >= 0) ::close(std::exchange(fd, -1));
}

// Where a sanitizer meets a type for the first time it looks at it through a pipe: there is no
// descriptor left for that either.
__attribute__((no_sanitize("vptr"))) void ZmtpTransport::accept_some(const ZmtpListener& listener) {
  for (int i = 0; i < accepts_max; ++i) {
    const int fd = ::accept4(listener.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      admit(fd, listener.door);
      continue;
    }
    if (errno == ECONNABORTED || errno == EINTR) continue;
    // Without descriptors nobody can come in until some are free: looked at with each tick.
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      listen(false);
      events_.trouble(
          "no file or memory is left for a new connection: it waits outside; raise the "
          "limit of open files (LimitNOFILE=), or lower gateway.limits");
    }
    return;
  }
}

void ZmtpTransport::admit(int fd, Door door) {
  const auto bytes_max = door == Door::pub ? pub_frame_bytes_max : frame_bytes_max(limits_);
  auto connection = std::make_unique<ZmtpConnection>(fd, door, bytes_max);
  const auto verdict = policy::check_plain(door, address_of(fd), principals_.zap_rules());
  // A client of cmd whom nobody knows is told so by ERR 401.
  const bool is_nobody = door == Door::cmd && verdict.status == "400";
  if (verdict.status != "200" && !is_nobody) {
    counters_.auth_refused.add();
    events_.connection_refused(verdict.who, verdict.why);
    // Who may try again does so.
    if (verdict.status != "400") return;
    connection->is_refused = true;
  }
  set_up(fd);
  // Even numbers: odd ones are libzmq's.
  connection->peer.id = PeerId{last_id_ += 2};
  connection->peer.user_id = NameRef(verdict.user);
  connection->heard_at = now_;
  connection->handshake = std::make_unique<Handshake>();
  take_in(std::move(connection));
}

// All that may fail comes first, so that nobody is in one list and not in another.
void ZmtpTransport::take_in(std::unique_ptr<ZmtpConnection> owner) {
  ZmtpConnection& connection = *owner;
  reserve_for_one_more();
  connection.output.append_bytes(chunks_, zmtp::greeting(), 0);
  connections_.opened(connection.door, connection.fd);
  try {
    all_.emplace(connection.peer.id, std::move(owner));
  } catch (...) {
    (void)connections_.closed(connection.door, connection.fd);
    throw;
  }
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &connection;
  (void)::epoll_ctl(poll_.native_handle(), EPOLL_CTL_ADD, connection.fd, &event);
  mark_dirty(connection);
  connections_.watch_gate();
  if (connections_.surplus() != 0) (void)connections_.cut(connection.door, connection.fd);
  arm_tick();
}

// Each connection is in each of these once at most, so that to add one there cannot fail.
void ZmtpTransport::reserve_for_one_more() {
  const std::size_t count = all_.size() + dead_.size() + 1;
  const auto reserve = [count](auto& list) {
    if (list.capacity() < count) list.reserve(2 * count);
  };
  reserve(dead_);
  reserve(dirty_);
  reserve(held_);
}

void ZmtpTransport::end(ZmtpConnection& connection) {
  if (std::exchange(connection.is_over, true)) return;
  const PeerId id = connection.peer.id;
  const auto found = all_.find(id);
  dead_.push_back(std::move(found->second));
  all_.erase(found);
  if (last_sent_to_ == &connection) last_sent_to_ = nullptr;
  if (connection.is_blocked) --blocked_;
  if (connection.is_held) std::erase(held_, id);
  connection.output.clear(chunks_);
  (void)connections_.closed(connection.door, connection.fd);
  // A child process that is being made may have a copy, which would keep it in the set.
  (void)::epoll_ctl(poll_.native_handle(), EPOLL_CTL_DEL, connection.fd, nullptr);
  connection.close();
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

}  // namespace backstage::transport
