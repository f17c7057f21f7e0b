/// ZmqMonitor: what becomes of a socket's connections, from libzmq's monitor events.
///
/// Events name a connection by its descriptor only, and descriptors are reused. But "disconnected"
/// is told before the descriptor is closed, so before "accepted" of the next connection that gets
/// it: drain() before meeting a new peer tells whether its connection still stands. Advisory: never
/// a base for who somebody is.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "daemon/transport/zmq_socket.hpp"

namespace backstage::transport {

class ZmqMonitor {
 public:
  enum class What : std::uint8_t { listening, accepted, closed };
  struct Event {
    What what;
    int fd;
  };

  /// `name` is unique within the process's context. Throws std::system_error.
  ZmqMonitor(ZmqContext& context, ZmqSocket& watched, const std::string& name);
  ZmqMonitor(const ZmqMonitor&) = delete;
  ZmqMonitor& operator=(const ZmqMonitor&) = delete;
  ~ZmqMonitor();

  /// Appends all events that have come, in their order.
  void drain(std::vector<Event>& events);
  [[nodiscard]] ZmqSocket& socket() noexcept { return events_; }

 private:
  ZmqSocket& watched_;
  ZmqSocket events_;
};

}  // namespace backstage::transport
