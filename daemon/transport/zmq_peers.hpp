/// ZmqPeers: routing ids <-> peer numbers, and by which connection each peer came.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/name_ref.hpp"
#include "core/string_map.hpp"
#include "daemon/transport/envelope.hpp"
#include "daemon/transport/transport.hpp"

namespace backstage::transport {

struct ZmqPeer {
  Peer peer;
  NameRef routing_id;
  Envelope envelope;
  bool is_blocked = false;  ///< waits for on_writable
  bool is_leaving = false;  ///< its connection is closed; what it sent is still being read
  int fd = -1;
  ZmqPeer* next_of_fd = nullptr;  ///< ZmqPeers' own
};

/// libzmq's peers have odd numbers from 3 on: those of another transport may have even ones.
inline constexpr std::uint64_t zmq_peer_first = 1;

class ZmqPeers {
 public:
  [[nodiscard]] ZmqPeer* find(std::string_view routing_id) const;
  [[nodiscard]] ZmqPeer* find(PeerId id);
  /// References stay valid until the peer is removed. One that was removed before, and of whom
  /// something is still being read, has the number it had.
  ZmqPeer& add(std::string_view routing_id, int fd);
  void remove(PeerId id);
  /// Peers that came by a connection.
  [[nodiscard]] std::vector<PeerId> by_fd(int fd) const;

 private:
  struct ByRoutingId {
    using is_transparent = void;
    static std::string_view id(std::string_view id) noexcept { return id; }
    static std::string_view id(const ZmqPeer* peer) noexcept { return peer->routing_id; }
    // Not noexcept: so libstdc++ keeps the hash, and looks at no other peer.
    std::size_t operator()(const auto& one) const { return std::hash<std::string_view>{}(id(one)); }
    bool operator()(const auto& a, const auto& b) const noexcept { return id(a) == id(b); }
  };

  [[nodiscard]] PeerId number_for(std::string_view routing_id);
  void link(ZmqPeer& peer);
  void unlink(const ZmqPeer& peer) noexcept;

  std::uint64_t last_id_ = zmq_peer_first;
  // The last that were removed. libzmq tells that a connection is closed before all of what came by
  // it is there to be read.
  StringMap<PeerId> removed_;
  std::deque<std::string> removed_order_;
  std::unordered_map<PeerId, ZmqPeer> by_id_;
  std::unordered_set<ZmqPeer*, ByRoutingId, ByRoutingId> by_routing_id_;
  mutable ZmqPeer* last_found_ = nullptr;  // by its routing id: many messages come in a row
  std::vector<ZmqPeer*> by_fd_;  // the last that came by each; the kernel gives low numbers first
};

}  // namespace backstage::transport
