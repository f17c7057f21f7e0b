#include "daemon/transport/tcp_listener.hpp"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "daemon/transport/socket_limits.hpp"

namespace backstage::transport {
namespace {

constexpr std::string_view scheme = "tcp://";

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&bytes); }
};

Address address_of(const sockaddr* from, socklen_t size) {
  Address made;
  std::memcpy(&made.bytes, from, size);
  made.size = size;
  return made;
}

std::optional<Address> find_interface(const std::string& name) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return std::nullopt;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET) continue;
    if (name == one->ifa_name) return address_of(one->ifa_addr, sizeof(sockaddr_in));
  }
  return std::nullopt;
}

// Nothing: there is no such host.
std::optional<Address> find_host(const std::string& host) {
  addrinfo hints{};
  const bool is_v6 = host.find(':') != std::string::npos;
  hints.ai_family = is_v6 ? AF_INET6 : AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* list = nullptr;
  const char* const name = host == "*" ? nullptr : host.c_str();
  if (::getaddrinfo(name, "0", &hints, &list) != 0) return std::nullopt;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  return address_of(list->ai_addr, list->ai_addrlen);
}

void set_port(Address& address, std::uint16_t port) noexcept {
  if (address.bytes.ss_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6*>(&address.bytes)->sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in*>(&address.bytes)->sin_port = htons(port);
  }
}

// errno, or 0.
int listen_at(int fd, Address& address) noexcept {
  const int on = 1;
  (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // [::] takes IPv4 as well, whatever the system's default.
  const int off = 0;
  (void)::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (::bind(fd, address.get(), address.size) != 0) return errno;
  return ::listen(fd, listen_backlog) == 0 ? 0 : errno;
}

}  // namespace

std::expected<int, int> listen_tcp(std::string_view address) {
  const auto colon = address.rfind(':');
  std::string host(address.substr(scheme.size(), colon - scheme.size()));
  const std::string port(address.substr(colon + 1));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  auto found = find_interface(host);
  if (!found) found = find_host(host);
  if (!found) return std::unexpected(ENODEV);
  set_port(*found, port == "*" ? 0 : static_cast<std::uint16_t>(std::stoi(port)));
  const int fd = ::socket(found->bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return std::unexpected(errno);
  const int code = listen_at(fd, *found);
  if (code == 0) return fd;
  ::close(fd);
  return std::unexpected(code);
}

std::string tcp_address_of(int fd) {
  Address own;
  own.size = sizeof own.bytes;
  if (::getsockname(fd, own.get(), &own.size) != 0) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (own.bytes.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(own.bytes);
    (void)::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    return fmt::format("tcp://[{}]:{}", text.data(), ntohs(v6.sin6_port));
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(own.bytes);
  (void)::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  return fmt::format("tcp://{}:{}", text.data(), ntohs(v4.sin_port));
}

}  // namespace backstage::transport
