/// ZmqPeers: routing ids <-> peer numbers, and by which connection each peer came.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/string_map.hpp"
#include "daemon/gateway/transport.hpp"

namespace backstage::gateway {

struct ZmqPeer {
  Peer peer;
  std::string routing_id;
  std::string correlation;    ///< of ZMQ_REQ_CORRELATE: goes back in front of the delimiter
  bool is_delimited = false;  ///< puts an empty frame before its messages, and expects one
  bool is_blocked = false;    ///< waits for on_writable
  bool is_leaving = false;    ///< its connection is closed; what it sent is still being read
  int fd = -1;
};

class ZmqPeers {
 public:
  [[nodiscard]] ZmqPeer* find(std::string_view routing_id) const;
  [[nodiscard]] ZmqPeer* find(PeerId id) const;
  /// References stay valid until the peer is removed. One that was removed before, and of whom
  /// something is still being read, has the number it had.
  ZmqPeer& add(std::string_view routing_id, int fd);
  void remove(PeerId id);
  /// Peers that came by a connection.
  [[nodiscard]] std::vector<PeerId> by_fd(int fd) const;

 private:
  [[nodiscard]] PeerId number_for(std::string_view routing_id);

  std::uint64_t last_id_ = 0;
  // The last that were removed. libzmq tells that a connection is closed before all of what came by
  // it is there to be read.
  StringMap<PeerId> removed_;
  std::deque<std::string> removed_order_;
  StringMap<std::unique_ptr<ZmqPeer>> by_routing_id_;
  mutable ZmqPeer* last_found_ = nullptr;  // by its routing id: many messages come in a row
  std::unordered_map<PeerId, ZmqPeer*> by_id_;
  std::unordered_multimap<int, PeerId> by_fd_;
};

}  // namespace backstage::gateway
