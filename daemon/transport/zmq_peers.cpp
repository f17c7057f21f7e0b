#include "daemon/transport/zmq_peers.hpp"

#include <utility>

namespace backstage::transport {
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
  return last_found_ = *found;
}

ZmqPeer* ZmqPeers::find(PeerId id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &found->second;
}

PeerId ZmqPeers::number_for(std::string_view routing_id) {
  const auto known = removed_.find(routing_id);
  return known != removed_.end() ? known->second : PeerId{last_id_ += 2};
}

ZmqPeer& ZmqPeers::add(std::string_view routing_id, int fd) {
  const PeerId id = number_for(routing_id);
  ZmqPeer& added = by_id_[id];
  added.peer.id = id;
  added.peer.chose_routing_id = !is_automatic(routing_id);
  added.routing_id = NameRef(routing_id);
  added.fd = fd;
  by_routing_id_.insert(&added);
  if (fd >= 0) link(added);
  return added;
}

void ZmqPeers::link(ZmqPeer& peer) {
  const auto at = static_cast<std::size_t>(peer.fd);
  if (at >= by_fd_.size()) by_fd_.resize(at + 1);
  peer.next_of_fd = std::exchange(by_fd_[at], &peer);
}

void ZmqPeers::unlink(const ZmqPeer& peer) noexcept {
  ZmqPeer** link = &by_fd_[static_cast<std::size_t>(peer.fd)];
  while (*link != &peer) link = &(*link)->next_of_fd;
  *link = peer.next_of_fd;
}

void ZmqPeers::remove(PeerId id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  ZmqPeer& peer = found->second;
  if (last_found_ == &peer) last_found_ = nullptr;
  if (peer.fd >= 0) unlink(peer);
  const std::string routing_id(peer.routing_id.text());
  if (removed_.emplace(routing_id, id).second) {
    removed_order_.push_back(routing_id);
    if (removed_order_.size() > removed_max) {
      removed_.erase(removed_.find(removed_order_.front()));
      removed_order_.pop_front();
    }
  }
  by_routing_id_.erase(&peer);
  by_id_.erase(found);
}

std::vector<PeerId> ZmqPeers::by_fd(int fd) const {
  std::vector<PeerId> peers;
  if (fd < 0 || static_cast<std::size_t>(fd) >= by_fd_.size()) return peers;
  const ZmqPeer* peer = by_fd_[static_cast<std::size_t>(fd)];
  for (; peer != nullptr; peer = peer->next_of_fd) peers.push_back(peer->peer.id);
  return peers;
}

}  // namespace backstage::transport
