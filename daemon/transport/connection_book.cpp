#include "daemon/transport/connection_book.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace backstage::transport {
namespace {

// A number that the kernel gives each socket and never again; 0 for what is none.
std::uint64_t cookie_of(int fd) noexcept {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  if (::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) != 0) return 0;
  return cookie;
}

}  // namespace

std::uint16_t local_port(int fd) noexcept {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::getsockname(fd, generic, &size) != 0) return 0;
  if (address.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
  }
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port);
  }
  return 0;
}

ConnectionBook::ConnectionBook()
    : nothing_(::open("/dev/null", O_RDONLY | O_CLOEXEC)),
      own_(::fcntl(nothing_, F_DUPFD_CLOEXEC, 0)) {
  if (own_ >= 0) return;
  const int code = errno;
  ::close(nothing_);
  throw std::system_error(code, std::generic_category(), "/dev/null");
}

ConnectionBook::~ConnectionBook() {
  ::close(own_);
  ::close(nothing_);
}

void ConnectionBook::opened(Door door, int fd) {
  Connection& connection = at(door)[fd];
  if (connection.principal != nullptr) --connection.principal->connections;
  connection = {};
  connection.cookie = cookie_of(fd);
  connection.is_curve = !curve_ports_.empty() && curve_ports_.contains(local_port(fd));
}

bool ConnectionBook::closed(Door door, int fd) {
  const auto found = at(door).find(fd);
  if (found == at(door).end()) return false;
  if (found->second.principal != nullptr) --found->second.principal->connections;
  at(door).erase(found);
  return true;
}

ConnectionBook::Met ConnectionBook::met(Door door, int fd, Principal& principal) {
  const auto found = at(door).find(fd);
  if (found == at(door).end()) return {};
  Connection& connection = found->second;
  if (connection.principal == &principal) return {&connection, false};
  if (connection.principal != nullptr) --connection.principal->connections;
  connection.principal = &principal;
  ++principal.connections;
  return {&connection, true};
}

std::size_t ConnectionBook::size() const noexcept {
  std::size_t sum = 0;
  for (const auto& connections : doors_) sum += connections.size();
  return sum;
}

void ConnectionBook::cut(int fd, Connection& connection) noexcept {
  connection.is_cut = true;
  // A descriptor of our own first: libzmq may close its own at any moment, and the number may be
  // another file's. On what ours stands for nobody can change anything any more. It was set aside:
  // when connections are too many there may be no other.
  if (::dup3(fd, own_, O_CLOEXEC) < 0) return;
  if (connection.cookie != 0 && cookie_of(own_) == connection.cookie) {
    (void)::shutdown(own_, SHUT_RDWR);
  }
  (void)::dup3(nothing_, own_, O_CLOEXEC);
}

bool ConnectionBook::cut(Door door, int fd) noexcept {
  const auto found = at(door).find(fd);
  if (found == at(door).end() || found->second.is_cut) return false;
  cut(fd, found->second);
  return true;
}

std::size_t ConnectionBook::cut_if(const std::function<bool(Door, const Connection&)>& is_over) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < doors_.size(); ++i) {
    for (auto& [fd, connection] : doors_[i]) {
      if (connection.is_cut || !is_over(static_cast<Door>(i), connection)) continue;
      cut(fd, connection);
      ++count;
    }
  }
  return count;
}

}  // namespace backstage::transport
