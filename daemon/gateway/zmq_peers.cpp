#include "daemon/gateway/zmq_peers.hpp"

namespace backstage::gateway {
namespace {

// Enough for those whose connections close within the moment that their rest takes to come.
constexpr std::size_t removed_max = 1024;

// libzmq's own ids are a zero byte and four more. Anything else was set by the peer, which could as
// well be another's: nobody who does that is served.
bool is_automatic(std::string_view routing_id) noexcept {
  return routing_id.size() == 5 && routing_id.front() == '\0';
}

}  // namespace

ZmqPeer* ZmqPeers::find(std::string_view routing_id) const {
  if (last_found_ != nullptr && last_found_->routing_id == routing_id) return last_found_;
  const auto found = by_routing_id_.find(routing_id);
  if (found == by_routing_id_.end()) return nullptr;
  return last_found_ = found->second.get();
}

ZmqPeer* ZmqPeers::find(PeerId id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

PeerId ZmqPeers::number_for(std::string_view routing_id) {
  const auto known = removed_.find(routing_id);
  return known != removed_.end() ? known->second : PeerId{++last_id_};
}

ZmqPeer& ZmqPeers::add(std::string_view routing_id, int fd) {
  auto peer = std::make_unique<ZmqPeer>();
  peer->peer.id = number_for(routing_id);
  peer->peer.chose_routing_id = !is_automatic(routing_id);
  peer->routing_id = routing_id;
  peer->fd = fd;
  ZmqPeer& added = *peer;
  by_id_.emplace(added.peer.id, &added);
  if (fd >= 0) by_fd_.emplace(fd, added.peer.id);
  by_routing_id_.emplace(added.routing_id, std::move(peer));
  return added;
}

void ZmqPeers::remove(PeerId id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  const ZmqPeer& peer = *found->second;
  if (last_found_ == &peer) last_found_ = nullptr;
  const auto [first, last] = by_fd_.equal_range(peer.fd);
  for (auto it = first; it != last; ++it) {
    if (it->second != id) continue;
    by_fd_.erase(it);
    break;
  }
  const auto owner = by_routing_id_.find(peer.routing_id);
  if (removed_.emplace(peer.routing_id, id).second) {
    removed_order_.push_back(peer.routing_id);
    if (removed_order_.size() > removed_max) {
      removed_.erase(removed_.find(removed_order_.front()));
      removed_order_.pop_front();
    }
  }
  by_id_.erase(found);
  by_routing_id_.erase(owner);
}

std::vector<PeerId> ZmqPeers::by_fd(int fd) const {
  std::vector<PeerId> peers;
  const auto [first, last] = by_fd_.equal_range(fd);
  for (auto it = first; it != last; ++it) peers.push_back(it->second);
  return peers;
}

}  // namespace backstage::gateway
