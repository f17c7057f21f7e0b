/// ConnectionBook: every open connection by its descriptor, whose it is, and how one is cut.
///
/// libzmq names connections by descriptors, which are its own, and reused. A connection is known
/// by its socket's cookie as well, which is not: what is cut is what was meant, or nothing.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <unordered_set>

#include "daemon/policy/zap_check.hpp"
#include "daemon/transport/principals.hpp"

namespace backstage::transport {

using policy::Door;

/// All [gateway].
class ConnectionBook {
 public:
  struct Connection {
    Principal* principal = nullptr;  ///< null: it has said nothing yet
    std::uint64_t cookie = 0;
    std::uint32_t filters = 0;  ///< of pub
    bool is_curve = false;      ///< it came to an endpoint that is CURVE
    bool is_cut = false;        ///< what is still read of it was on its way
  };

  /// Throws std::system_error.
  ConnectionBook();
  ~ConnectionBook();
  ConnectionBook(const ConnectionBook&) = delete;
  ConnectionBook& operator=(const ConnectionBook&) = delete;

  /// Connections accepted at this local TCP port are CURVE.
  void add_curve_port(std::uint16_t port) { curve_ports_.insert(port); }
  void opened(Door door, int fd);
  /// False: it was not known.
  bool closed(Door door, int fd);
  [[nodiscard]] bool is_open(Door door, int fd) const { return at(door).contains(fd); }
  struct Met {
    Connection* connection = nullptr;  ///< null: unknown by now
    bool is_first = false;             ///< it had said nothing before
  };
  /// The connection that says something, as `principal`.
  [[nodiscard]] Met met(Door door, int fd, Principal& principal);
  [[nodiscard]] std::size_t size() const noexcept;

  /// Ends it at once, as if the network had. What was given to libzmq and not to the kernel is
  /// lost.
  void cut(int fd, Connection& connection) noexcept;
  /// Cuts one that is open, and not cut yet. Whether there was one.
  bool cut(Door door, int fd) noexcept;
  /// Cuts all those for which it holds. How many.
  std::size_t cut_if(const std::function<bool(Door, const Connection&)>& is_over);

 private:
  using Connections = std::unordered_map<int, Connection>;
  [[nodiscard]] Connections& at(Door door) { return doors_[static_cast<std::size_t>(door)]; }
  [[nodiscard]] const Connections& at(Door door) const {
    return doors_[static_cast<std::size_t>(door)];
  }

  std::array<Connections, policy::door_count> doors_;
  std::unordered_set<std::uint16_t> curve_ports_;
  // Two descriptors set aside for cut().
  int nothing_;
  int own_;
};

/// The local port of a TCP socket, in IPv4 or IPv6; 0 for others.
[[nodiscard]] std::uint16_t local_port(int fd) noexcept;

}  // namespace backstage::transport
