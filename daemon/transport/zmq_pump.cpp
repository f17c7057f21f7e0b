// ZmqTransport's loop: how sockets are read, and how no readiness edge is ever lost.
#include <asio/error.hpp>
#include <asio/post.hpp>
#include <utility>

#include "daemon/transport/zmq_transport.hpp"

namespace backstage::transport {
namespace {

// Messages of one socket before others have their turn. Measured on a flooded daemon: without a
// bound a ping's p99 is 15.7 ms, with 16 to 1024 it is 0.8 ms.
constexpr int burst_messages_max = 64;
// libzmq cannot say which peer takes messages again, so that each pump tries some that would block,
// and a timer all of them in turn, in case nothing else happens.
constexpr std::size_t blocked_tries_per_pump = 8;
constexpr std::size_t blocked_tries_per_belt = 64;
constexpr auto belt_interval = std::chrono::milliseconds{10};
// A peer whose connection has closed is dismissed when nothing is left to be read, or after so many
// bursts of a socket that never runs dry: its own rest has had its turn by then.
constexpr std::uint32_t leaving_pumps_max = 256;

}  // namespace

void ZmqTransport::start(TransportHandler& handler, std::function<void()> end_burst) {
  handler_ = &handler;
  end_burst_ = std::move(end_burst);
  look_at_all();
}

void ZmqTransport::look_at_all() {
  for (std::size_t i = 0; i < source_count; ++i) {
    if (sources_[i].socket != nullptr) look(static_cast<Source>(i));
  }
}

void ZmqTransport::settle() {
  for (std::size_t i = 0; i < source_count; ++i) {
    if (sources_[i].is_touched) look(static_cast<Source>(i));
  }
  if (has_blocked()) arm_belt();
}

// Posts a pump if there is something to read, waits for the descriptor otherwise.
void ZmqTransport::look(Source source) {
  Watched& one = watched(source);
  one.is_touched = false;
  if (is_stopped_ || one.is_paused || one.is_posted || one.socket == nullptr) return;
  const bool is_dry = std::exchange(one.is_dry, false);
  if (!is_dry && (one.socket->events() & ZMQ_POLLIN) != 0) return pump_soon(source);
  if (one.is_armed) return;
  one.is_armed = true;
  one.readiness->async_wait(asio::posix::descriptor_base::wait_read,
                            [this, source](const asio::error_code& error) {
                              if (error) return;
                              watched(source).is_armed = false;
                              pump(source);
                            });
}

// What libzmq does there may swallow an edge of its descriptor.
void ZmqTransport::touch(Source source) noexcept {
  watched(source).is_touched = true;
  watched(source).is_dry = false;
}

void ZmqTransport::pump_soon(Source source) {
  watched(source).is_posted = true;
  asio::post(loop_, [this, source] {
    watched(source).is_posted = false;
    pump(source);
  });
}

void ZmqTransport::pump(Source source) {
  if (is_stopped_) return;
  Watched& one = watched(source);
  int budget = burst_messages_max;
  bool has_more = true;
  while (has_more && budget-- > 0 && !one.is_paused) has_more = read_one(source);
  touch(source);
  // A read that found nothing has taken every command that waited for the socket: whatever comes
  // now shows at its descriptor, unless something is sent before it is waited for.
  one.is_dry = !has_more && source == Source::cmd;
  if (!leaving_.empty() && source == Source::cmd) {
    if (!has_more || ++pumps_since_leaving_ >= leaving_pumps_max) dismiss_leaving();
  } else if (!leaving_.empty()) {
    touch(Source::cmd);
    if ((sockets_.cmd.events() & ZMQ_POLLIN) == 0) dismiss_leaving();
  }
  try_blocked(blocked_tries_per_pump);
  end_burst_();
}

// False: nothing there now.
bool ZmqTransport::read_one(Source source) {
  switch (source) {
    case Source::cmd:
      return read_cmd();
    case Source::pub:
      return read_filter();
    case Source::ingest:
      return read_ingest();
    case Source::cmd_monitor:
    case Source::pub_monitor:
    case Source::ingest_monitor:
      read_monitors();
      return false;
    case Source::zap:
      return sockets_.zap.answer_one();
  }
  return false;
}

bool ZmqTransport::read_cmd() {
  zmq_msg_t id;
  (void)::zmq_msg_init(&id);
  if (!sockets_.cmd.receive(&id)) {
    (void)::zmq_msg_close(&id);
    return false;
  }
  message_.receive(sockets_.cmd, ::zmq_msg_more(&id) != 0);
  ZmqPeer& peer = peer_of({static_cast<const char*>(::zmq_msg_data(&id)), ::zmq_msg_size(&id)});
  (void)::zmq_msg_close(&id);
  message_.skip(peer.envelope.take_off(peer.peer.kind, message_.all_frames()));
  counters_.messages_in.add();
  // A copy: the peer may be found gone while it is being answered.
  const Peer sender = peer.peer;
  handler_->on_message(sender, message_);
  return true;
}

// Subscriptions come as one frame: 1 or 0, then the filter. Filters of 246 to 255 bytes from
// clients with libzmq up to 4.3.4 arrive as an empty frame.
bool ZmqTransport::read_filter() {
  zmq_msg_t frame;
  (void)::zmq_msg_init(&frame);
  const bool is_there = sockets_.pub->receive(&frame);
  if (is_there) {
    const std::string_view bytes{static_cast<const char*>(::zmq_msg_data(&frame)),
                                 ::zmq_msg_size(&frame)};
    const char* const user = ::zmq_msg_gets(&frame, "User-Id");
    const bool is_added = !bytes.empty() && bytes.front() == '\1';
    meet(Door::pub, ::zmq_msg_get(&frame, ZMQ_SRCFD), user == nullptr ? "" : user,
         is_added ? 1 : -1);
    if (!bytes.empty() && (bytes.front() == '\0' || bytes.front() == '\1')) {
      handler_->on_filter(bytes.substr(1), bytes.front() == '\1');
    } else {
      counters_.filters_unusable.add();
    }
    while (::zmq_msg_more(&frame) != 0 && sockets_.pub->receive(&frame)) {
    }
  }
  (void)::zmq_msg_close(&frame);
  return is_there;
}

bool ZmqTransport::read_ingest() {
  message_.receive(*sockets_.ingest, true);
  if (message_.all_frames().empty()) return false;
  const auto user = message_.user_id();
  if (user.data() != ingest_user_at_ || user != ingest_user_) {
    meet(Door::ingest, message_.connection_fd(), user, 0);
    ingest_user_at_ = user.data();
    ingest_user_ = user;
  }
  handler_->on_ingest(message_);
  return true;
}

void ZmqTransport::arm_belt() {
  if (is_belt_armed_ || is_stopped_) return;
  is_belt_armed_ = true;
  belt_.expires_after(belt_interval);
  belt_.async_wait([this](const asio::error_code& error) {
    is_belt_armed_ = false;
    if (error || is_stopped_) return;
    try_blocked(blocked_tries_per_belt);
    end_burst_();
  });
}

}  // namespace backstage::transport
