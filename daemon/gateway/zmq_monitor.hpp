/// ZmqMonitor: which connections of a socket are open, from libzmq's monitor events.
///
/// Events name a connection by its descriptor only, and descriptors are reused. But "disconnected"
/// is told before the descriptor is closed, so before "accepted" of the next connection that gets
/// it: drain() before meeting a new peer tells whether its connection still stands. Advisory: never
/// a base for who somebody is.
#pragma once
#include <string>
#include <unordered_set>
#include <vector>

#include "daemon/gateway/zmq_socket.hpp"

namespace backstage::gateway {

class ZmqMonitor {
 public:
  /// `name` is unique within the process's context. Throws std::system_error.
  ZmqMonitor(ZmqContext& context, ZmqSocket& watched, const std::string& name);
  ZmqMonitor(const ZmqMonitor&) = delete;
  ZmqMonitor& operator=(const ZmqMonitor&) = delete;
  ~ZmqMonitor();

  /// Takes all events that have come; appends descriptors closed to `closed`.
  void drain(std::vector<int>& closed);
  [[nodiscard]] bool is_open(int fd) const { return open_.contains(fd); }
  [[nodiscard]] ZmqSocket& socket() noexcept { return events_; }

 private:
  ZmqSocket& watched_;
  ZmqSocket events_;
  std::unordered_set<int> open_;
};

}  // namespace backstage::gateway
