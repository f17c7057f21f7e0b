#include "daemon/transport/endpoint.hpp"

#include <fmt/core.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <system_error>

#include "daemon/transport/zmq_socket.hpp"

namespace backstage::transport {
namespace {

constexpr std::string_view tcp_scheme = "tcp://";

// Of a tcp address.
std::string_view host_of(std::string_view address) noexcept {
  return address.substr(tcp_scheme.size(), address.rfind(':') - tcp_scheme.size());
}

std::string_view advice(int code) noexcept {
  switch (code) {
    case EADDRINUSE:
      return "another program, or another backstaged, serves it: stop that one (`ss -ltnp` shows "
             "who), choose another port, or `*` for any free one";
    case EACCES:
    case EPERM:
      return "this user may not: choose a port above 1023, or a directory this user may write to";
    case EADDRNOTAVAIL:
    case ENODEV:
      return "no interface of this machine has that address: use 127.0.0.1, or one of `ip addr`";
    case EINVAL:
    case EPROTONOSUPPORT:
    case ENOCOMPATPROTO:
      return "an endpoint is tcp://ADDRESS:PORT or ipc:///PATH";
    case ENOENT:
      return "create the directory first";
    default:
      return "choose another endpoint";
  }
}

StartError no_identity(const std::string& address) {
  return {address, EPERM,
          fmt::format("{} is open to other machines, without encryption or proof of identity; "
                      "configure gateway.curve, or bind tcp://127.0.0.1:PORT or ipc:///PATH",
                      address)};
}

}  // namespace

const std::vector<Endpoint>& endpoints_of(const Options& options, policy::Door door) noexcept {
  if (door == policy::Door::cmd) return options.cmd;
  return door == policy::Door::pub ? options.pub : options.ingest;
}

std::vector<std::string>& endpoints_of(BoundEndpoints& bound, policy::Door door) noexcept {
  if (door == policy::Door::cmd) return bound.cmd;
  return door == policy::Door::pub ? bound.pub : bound.ingest;
}

bool is_for_libzmq(const Endpoint& endpoint, const Options& options) noexcept {
  return endpoint.is_curve || options.is_plain_by_libzmq;
}

std::optional<StartError> objection_to(const Endpoint& endpoint, const Options& options) {
  const std::string& address = endpoint.address;
  if (!is_well_formed(address)) return bind_error(address, EINVAL);
  const bool is_remote = !is_local(address) && address.starts_with(tcp_scheme);
  const bool has_key = options.curve.secret != nullptr;
  const bool is_open = is_remote && !endpoint.is_curve && !options.allow_remote_plaintext;
  if (is_open || (endpoint.is_curve && !has_key)) return no_identity(address);
  return std::nullopt;
}

bool is_well_formed(std::string_view address) noexcept {
  if (!address.starts_with(tcp_scheme)) return !ipc_path(address).empty();
  const auto colon = address.rfind(':');
  if (colon <= tcp_scheme.size()) return false;
  const auto port = address.substr(colon + 1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  return port == "*" || (error == std::errc{} && end == port.data() + port.size());
}

std::string_view ipc_path(std::string_view address) noexcept {
  constexpr std::string_view scheme = "ipc://";
  return address.starts_with(scheme) ? address.substr(scheme.size()) : std::string_view{};
}

bool is_loopback(std::string_view address) noexcept {
  if (!address.starts_with(tcp_scheme)) return false;
  const auto host = host_of(address);
  // Digits only after the 127, so that 127.example.org is not taken for an address.
  return host == "[::1]" || (host.starts_with("127.") &&
                             host.find_first_not_of("0123456789.") == std::string_view::npos);
}

bool is_local(std::string_view address) noexcept {
  if (!address.starts_with(tcp_scheme)) return address.starts_with("ipc://");
  return is_loopback(address) || host_of(address) == "localhost";
}

StartError bind_error(std::string_view address, int code) {
  return {std::string(address), code,
          fmt::format("cannot bind {}: {}; {}", address, zmq_text(code), advice(code))};
}

}  // namespace backstage::transport
