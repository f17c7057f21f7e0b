/// Front: front of house: all of the gateway's logic, without its loop, thread and sockets.
///
/// Sits between a Transport (whose handler it is) and the engine. It has no thread and no timer of
/// its own: its owner calls turn() after each burst and on_time() when due() has come, so that
/// tests drive it step by step.
#pragma once
#include <chrono>
#include <deque>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "daemon/gateway/connection.hpp"
#include "daemon/gateway/heartbeats.hpp"
#include "daemon/gateway/house.hpp"
#include "daemon/gateway/ingest_door.hpp"
#include "daemon/gateway/pub_door.hpp"
#include "daemon/gateway/seam.hpp"
#include "daemon/gateway/sessions.hpp"
#include "daemon/gateway/shedder.hpp"

namespace backstage::gateway {

/// All of it is [gateway] but construction and open().
class Front final : public TransportHandler {
 public:
  /// The parts of `house` outlive it.
  explicit Front(const House& house);
  /// Stopped before: its cells refer to it.
  ~Front();
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;

  /// Takes the name `$pub`, if there is such a door. Errors: as Engine::attach.
  [[nodiscard]] Result<void> open();

  void on_message(const Peer& peer, InMessage& message) override;
  void on_writable(PeerId peer) override;
  void on_gone(PeerId peer) override;
  void on_filter(std::string_view filter, bool is_added) override;
  void on_ingest(InMessage& message) override;

  /// Runs the clients that have mail, for a bounded time. True: some have more.
  [[nodiscard]] bool turn();
  [[nodiscard]] TimePoint due() const noexcept;
  void on_time(TimePoint now);

  /// Ends every session of `user`, whose key is no longer authorised, with BYE 401.
  void revoke(const Principal& principal);
  /// After the rules have changed: ends the subscriptions that they no longer allow.
  void apply_rules();

  /// Tells every session; new work is refused from now on, and ingest is not read.
  void begin_draining(std::chrono::milliseconds within);
  /// Ends every session with BYE; nothing is taken from anybody any more.
  void begin_stop();
  /// After begin_stop: every cell is over, and every BYE has gone out or nobody is there to get it.
  [[nodiscard]] bool is_stopped() const;
  /// After begin_stop: ends the cells, whether or not their clients take what is left.
  void finish_stop();
  [[nodiscard]] std::size_t connections() const noexcept { return connections_.size(); }

 private:
  [[nodiscard]] bool has_cells() const;
  [[nodiscard]] bool is_turned_away(Principal& principal, const Peer& peer, InMessage& message);
  [[nodiscard]] Connection* find(PeerId peer);
  [[nodiscard]] Connection* add(const Peer& peer, InMessage& message);
  void refuse_peer(const Peer& peer, InMessage& message, wire::Status status, std::string_view text,
                   std::uint64_t retry_ms = 0);
  void end_turn();
  void forget_departed();
  /// What it says now it had said before its session was left to be resumed.
  [[nodiscard]] bool has_left_session(PeerId peer) const { return left_sessions_.contains(peer); }

  House house_;
  Sessions sessions_;
  Shedder shedder_;
  Heartbeats heartbeats_;
  std::unordered_map<PeerId, Connection> connections_;
  Connection* last_found_ = nullptr;
  std::unordered_set<PeerId> refused_;
  // The last of those connections whose session goes on without them.
  std::unordered_set<PeerId> left_sessions_;
  std::deque<PeerId> left_order_;
  PubDoor pub_;
  IngestDoor ingest_;
  TimePoint next_tick_;
  std::uint32_t plain_refusals_ = 0;  // to those without a session, within this tick
  bool is_stopping_ = false;
};

}  // namespace backstage::gateway
