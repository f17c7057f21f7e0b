/// ConnectionGate: holds new connections off while as many are open as may be.
///
/// libzmq has no such limit, spins when descriptors run out, and unbinding would drop who is there.
/// So the kernel is told to drop what comes to a listening TCP socket, and an ipc socket is given
/// another name: those who are connected notice nothing, and those who are not keep trying.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace backstage::transport {

class ConnectionGate {
 public:
  explicit ConnectionGate(std::size_t connections_max) noexcept : max_(connections_max) {}
  ConnectionGate(const ConnectionGate&) = delete;
  ConnectionGate& operator=(const ConnectionGate&) = delete;
  /// Opens it.
  ~ConnectionGate();

  void add_tcp(int listening_fd) { listening_.push_back(listening_fd); }
  void add_ipc(std::string path) { paths_.push_back(std::move(path)); }

  enum class Change : std::uint8_t { none, closed, opened };
  /// Given how many connections are open. Opens again when a few have left, so that it does not
  /// flutter.
  Change on_count(std::size_t connections);
  /// How many of the open connections are to be cut. libzmq takes in what comes until the gate is
  /// closed, and what waits in the kernel then; a few more than connections_max may stay.
  [[nodiscard]] std::size_t surplus(std::size_t connections) const noexcept;
  [[nodiscard]] bool is_closed() const noexcept { return is_closed_; }
  [[nodiscard]] std::size_t connections_max() const noexcept { return max_; }

 private:
  void set_closed(bool closed);

  std::size_t max_;
  std::vector<int> listening_;
  std::vector<std::string> paths_;
  bool is_closed_ = false;
};

/// `wanted`, or as many as the limit of open files leaves room for beside what else the daemon
/// opens. Raises this process's soft limit, up to the hard one, if that helps. [main]
[[nodiscard]] std::uint32_t affordable_connections(std::uint32_t wanted);

}  // namespace backstage::transport
