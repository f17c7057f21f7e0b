// ZmqTransport's connections, as libzmq's monitors tell of them.
#include <ranges>

#include "daemon/transport/zmq_transport.hpp"

namespace backstage::transport {

void ZmqTransport::read_monitors() {
  read_monitor(Source::cmd_monitor, sockets_.cmd_monitor, Door::cmd);
  if (sockets_.pub) read_monitor(Source::pub_monitor, *sockets_.pub_monitor, Door::pub);
  if (sockets_.ingest) {
    read_monitor(Source::ingest_monitor, *sockets_.ingest_monitor, Door::ingest);
  }
}

void ZmqTransport::read_monitor(Source source, ZmqMonitor& monitor, Door door) {
  std::vector<ZmqMonitor::Event> events;
  monitor.drain(events);
  touch(source);
  for (const auto& event : events) {
    if (event.what == ZmqMonitor::What::accepted) connections_.opened(door, event.fd);
    if (event.what == ZmqMonitor::What::closed && connections_.closed(door, event.fd) &&
        door == Door::cmd) {
      on_closed(event.fd);
    }
  }
  connections_.watch_gate();
  // Who came last goes first.
  std::size_t surplus = connections_.surplus();
  for (const auto& event : events | std::views::reverse) {
    if (surplus == 0) return;
    if (event.what != ZmqMonitor::What::accepted) continue;
    if (connections_.cut(door, event.fd)) --surplus;
  }
}

void ZmqTransport::meet(Door door, int fd, std::string_view user, int filters) {
  if (connections_.meet(door, fd, user, filters) != Connections::Met::unknown) return;
  // It was accepted a moment ago, and the event is still on its way to us; or it is gone.
  read_monitors();
  (void)connections_.meet(door, fd, user, filters);
}

}  // namespace backstage::transport
