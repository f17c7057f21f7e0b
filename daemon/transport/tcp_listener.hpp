/// A listening TCP socket at a tcp:// address, as libzmq would make one.
#pragma once
#include <expected>
#include <string>
#include <string_view>

namespace backstage::transport {

/// Listens at `tcp://HOST:PORT`, where HOST is an address, `*`, the name of an interface or of a
/// host, and PORT `*` for any free one. The descriptor, non-blocking; or errno. [main]
[[nodiscard]] std::expected<int, int> listen_tcp(std::string_view address);
/// What it is bound to: `tcp://127.0.0.1:7770`, `tcp://[::1]:7770`.
[[nodiscard]] std::string tcp_address_of(int fd);

}  // namespace backstage::transport
