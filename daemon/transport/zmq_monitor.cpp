#include "daemon/transport/zmq_monitor.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>

namespace backstage::transport {
namespace {

// The first frame of an event: what, and a value, which for these is the descriptor.
struct RawEvent {
  std::uint16_t what = 0;
  std::int32_t fd = -1;
};

RawEvent read_event(zmq_msg_t& frame) noexcept {
  RawEvent event;
  if (::zmq_msg_size(&frame) < sizeof event.what + sizeof event.fd) return event;
  const auto* const bytes = static_cast<const char*>(::zmq_msg_data(&frame));
  std::memcpy(&event.what, bytes, sizeof event.what);
  std::memcpy(&event.fd, bytes + sizeof event.what, sizeof event.fd);
  return event;
}

}  // namespace

ZmqMonitor::ZmqMonitor(ZmqContext& context, ZmqSocket& watched, const std::string& name)
    : watched_(watched), events_(context, ZMQ_PAIR) {
  const std::string endpoint = "inproc://monitor-" + name;
  const int which = ZMQ_EVENT_LISTENING | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED;
  events_.set(ZMQ_LINGER, 0);
  // Without a bound: libzmq's I/O thread blocks when this side is full.
  events_.set(ZMQ_RCVHWM, 0);
  if (::zmq_socket_monitor(watched_.get(), endpoint.c_str(), which) != 0 ||
      ::zmq_connect(events_.get(), endpoint.c_str()) != 0) {
    throw std::system_error(errno, std::generic_category(), "zmq_socket_monitor");
  }
}

ZmqMonitor::~ZmqMonitor() { (void)::zmq_socket_monitor(watched_.get(), nullptr, 0); }

void ZmqMonitor::drain(std::vector<Event>& events) {
  zmq_msg_t frame;
  (void)::zmq_msg_init(&frame);
  while (events_.receive(&frame)) {
    const RawEvent event = read_event(frame);
    while (::zmq_msg_more(&frame) != 0 && events_.receive(&frame)) {
    }
    if (event.what == ZMQ_EVENT_LISTENING) events.push_back({What::listening, event.fd});
    if (event.what == ZMQ_EVENT_ACCEPTED) events.push_back({What::accepted, event.fd});
    if (event.what == ZMQ_EVENT_DISCONNECTED) events.push_back({What::closed, event.fd});
  }
  (void)::zmq_msg_close(&frame);
}

}  // namespace backstage::transport
