/// Front: front of house: all of the gateway's logic, without its loop, thread and sockets.
///
/// Sits between a Transport (whose handler it is) and the engine. It has no thread and no timer of
/// its own: its owner calls turn() after each burst and on_time() when due() has come, so that
/// tests drive it step by step.
#pragma once
#include <chrono>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "daemon/gateway/house.hpp"
#include "daemon/gateway/ingest_door.hpp"
#include "daemon/gateway/pub_door.hpp"
#include "daemon/gateway/session.hpp"
#include "daemon/gateway/transport.hpp"

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

  /// Tells every session; new work is refused from now on, and ingest is not read.
  void begin_draining(std::chrono::milliseconds within);
  /// Ends every session with BYE; nothing is taken from anybody any more.
  void begin_stop();
  /// After begin_stop: every cell is over, and every BYE has gone out or nobody is there to get it.
  [[nodiscard]] bool is_stopped() const;
  /// After begin_stop: ends the cells, whether or not their clients take what is left.
  void finish_stop();
  [[nodiscard]] std::size_t connections() const noexcept { return sessions_.size(); }

 private:
  [[nodiscard]] bool has_cells() const;
  [[nodiscard]] Session* find(PeerId peer) const;
  void refuse_peer(const Peer& peer, InMessage& message, wire::Status status,
                   std::string_view text);
  void forget_departed();

  House house_;
  std::unordered_map<PeerId, std::unique_ptr<Session>> sessions_;
  std::unordered_set<PeerId> refused_;
  PubDoor pub_;
  IngestDoor ingest_;
  TimePoint next_tick_;
  std::uint32_t plain_refusals_ = 0;  // to those without a session, within this tick
  bool is_stopping_ = false;
};

}  // namespace backstage::gateway
