#include "daemon/transport/zmq_transport.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace backstage::transport {

ZmqTransport::ZmqTransport(asio::io_context& loop, ZmqSockets& sockets, Connections& connections,
                           Counters& counters, Events& events)
    : loop_(loop), sockets_(sockets), connections_(connections), counters_(counters), belt_(loop) {
  sockets_.zap.report_to(counters, events);
  watch(Source::zap, sockets_.zap.socket());
  watch(Source::cmd, sockets_.cmd);
  watch(Source::cmd_monitor, sockets_.cmd_monitor.socket());
  if (sockets_.pub) {
    watch(Source::pub, *sockets_.pub);
    watch(Source::pub_monitor, sockets_.pub_monitor->socket());
  }
  if (sockets_.ingest) {
    watch(Source::ingest, *sockets_.ingest);
    watch(Source::ingest_monitor, sockets_.ingest_monitor->socket());
  }
}

ZmqTransport::~ZmqTransport() { stop(std::chrono::milliseconds{0}); }

void ZmqTransport::watch(Source source, ZmqSocket& socket) {
  Watched& one = watched(source);
  one.socket = &socket;
  one.readiness = std::make_unique<asio::posix::stream_descriptor>(loop_, socket.readiness_fd());
}

void ZmqTransport::stop(std::chrono::milliseconds linger) {
  if (is_stopped_) return;
  is_stopped_ = true;
  belt_.cancel();
  for (Watched& one : sources_) {
    if (one.readiness == nullptr) continue;
    // The descriptor is libzmq's to close; release also ends the wait.
    (void)one.readiness->release();
  }
  sockets_.set_linger(linger);
}

SendResult ZmqTransport::send(PeerId id, std::span<const OutFrame> frames) {
  ZmqPeer* peer = peers_.find(id);
  if (peer == nullptr || is_stopped_) return SendResult::gone;
  ZmqSocket& socket = sockets_.cmd;
  touch(Source::cmd);
  // Room is checked at the routing id's frame only. If that is refused no further frame may follow:
  // the next one would be read as a routing id.
  if (!send_frame(socket, {peer->routing_id.text()}, true)) {
    if (errno != EAGAIN) {
      peers_.remove(id);
      return SendResult::gone;
    }
    if (!peer->is_blocked) {
      peer->is_blocked = true;
      blocked_.push_back(id);
    }
    return SendResult::would_block;
  }
  peer->envelope.put_back(
      [&socket](std::string_view frame) { (void)send_frame(socket, {frame}, true); });
  for (std::size_t i = 0; i < frames.size(); ++i) {
    (void)send_frame(socket, frames[i], i + 1 < frames.size(), &last_sent_.at(i));
  }
  return SendResult::sent;
}

void ZmqTransport::publish(std::span<const OutFrame> frames) {
  if (!sockets_.pub || is_stopped_) return;
  touch(Source::pub);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (!send_frame(*sockets_.pub, frames[i], i + 1 < frames.size())) return;
  }
}

void ZmqTransport::pause_ingest() { watched(Source::ingest).is_paused = true; }

void ZmqTransport::resume_ingest() {
  Watched& ingest = watched(Source::ingest);
  ingest.is_paused = false;
  ingest.is_touched = true;
}

// Who sent the message just received.
ZmqPeer& ZmqTransport::peer_of(std::string_view routing_id) {
  if (ZmqPeer* known = peers_.find(routing_id); known != nullptr) return *known;
  // Events of the descriptor's earlier owner first.
  read_monitor(Source::cmd_monitor, sockets_.cmd_monitor, Door::cmd);
  const int fd = message_.connection_fd();
  ZmqPeer& peer = peers_.add(routing_id, fd);
  const auto type = message_.property("Socket-Type");
  // Only peers of ZMTP 2.0 and before do not say; of these, who sends a delimiter is taken for REQ.
  const auto frames = message_.all_frames();
  const bool is_delimited = frames.size() > 1 && frames[0].empty();
  const bool is_req = type == "REQ" || (type.empty() && is_delimited);
  peer.peer.kind = is_req ? SocketKind::req : SocketKind::dealer;
  peer.peer.user_id = NameRef(message_.user_id());
  meet(Door::cmd, fd, peer.peer.user_id, 0);
  if (fd >= 0 && !connections_.is_open(Door::cmd, fd)) {
    peer.is_leaving = true;
    leaving_.push_back(peer.peer.id);
  }
  return peer;
}

void ZmqTransport::on_closed(int fd) {
  for (const PeerId id : peers_.by_fd(fd)) {
    ZmqPeer* peer = peers_.find(id);
    if (peer == nullptr || peer->is_leaving) continue;
    peer->is_leaving = true;
    leaving_.push_back(id);
  }
}

// What leaving peers had sent has been read: they are gone.
void ZmqTransport::dismiss_leaving() {
  pumps_since_leaving_ = 0;
  const auto leaving = std::exchange(leaving_, {});
  for (const PeerId id : leaving) {
    if (peers_.find(id) == nullptr) continue;
    peers_.remove(id);
    handler_->on_gone(id);
  }
}

void ZmqTransport::try_blocked(std::size_t peers_max) {
  const std::size_t count = std::min(peers_max, blocked_.size());
  for (std::size_t i = 0; i < count; ++i) {
    const PeerId id = blocked_.front();
    blocked_.pop_front();
    ZmqPeer* peer = peers_.find(id);
    if (peer == nullptr) continue;
    // Blocks again, at the end of the line, if that is how it stands.
    peer->is_blocked = false;
    handler_->on_writable(id);
  }
}

}  // namespace backstage::transport
