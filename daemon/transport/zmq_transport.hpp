/// ZmqTransport: libzmq behind the Transport seam, driven by an Asio loop.
///
/// libzmq's readiness descriptor is edge-triggered and any call may swallow the edge, so every
/// socket is driven by pump() only, and settle() looks again at each socket that was touched. Who
/// calls send or publish from outside a pump calls settle() afterwards.
#pragma once
#include <array>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "daemon/transport/connections.hpp"
#include "daemon/transport/counters.hpp"
#include "daemon/transport/events.hpp"
#include "daemon/transport/transport.hpp"
#include "daemon/transport/zmq_message.hpp"
#include "daemon/transport/zmq_peers.hpp"
#include "daemon/transport/zmq_sockets.hpp"

namespace backstage::transport {

/// All [gateway] but construction and destruction.
class ZmqTransport final : public Transport {
 public:
  /// `sockets` are bound, and outlive it.
  ZmqTransport(asio::io_context& loop, ZmqSockets& sockets, Connections& connections,
               Counters& counters, Events& events);
  ~ZmqTransport() override;

  /// Begins to read. `end_burst` is called when messages were read, and calls settle().
  void start(TransportHandler& handler, std::function<void()> end_burst);
  /// Looks at every socket, touched or not.
  void look_at_all();
  /// Looks again at every socket touched since the last look.
  void settle();
  /// Ends all reading and waiting. What is left to send has `linger` to go, as the sockets are
  /// closed.
  void stop(std::chrono::milliseconds linger);
  /// Some peer has not taken all that was sent to it.
  [[nodiscard]] bool has_blocked() const noexcept { return !blocked_.empty(); }

  /// Brings the connections up to date.
  void read_monitors();

  [[nodiscard]] SendResult send(PeerId peer, std::span<const OutFrame> frames) override;
  void publish(std::span<const OutFrame> frames) override;
  void pause_ingest() override;
  void resume_ingest() override;

 private:
  enum class Source : std::uint8_t {
    cmd,
    pub,
    ingest,
    cmd_monitor,
    pub_monitor,
    ingest_monitor,
    zap
  };
  static constexpr std::size_t source_count = 7;
  struct Watched {
    ZmqSocket* socket = nullptr;
    std::unique_ptr<asio::posix::stream_descriptor> readiness;
    bool is_armed = false;   // a wait on the descriptor is out
    bool is_posted = false;  // a pump is posted
    bool is_touched = false;
    bool is_dry = false;  // libzmq has just said that it has nothing, and would wake us
    bool is_paused = false;
  };

  void watch(Source source, ZmqSocket& socket);
  [[nodiscard]] Watched& watched(Source source) {
    return sources_[static_cast<std::size_t>(source)];
  }
  void look(Source source);
  void touch(Source source) noexcept;
  void pump(Source source);
  void pump_soon(Source source);
  [[nodiscard]] bool read_one(Source source);
  [[nodiscard]] bool read_cmd();
  [[nodiscard]] bool read_filter();
  [[nodiscard]] bool read_ingest();
  void read_monitor(Source source, ZmqMonitor& monitor, Door door);
  void meet(Door door, int fd, std::string_view user, int filters);
  [[nodiscard]] ZmqPeer& peer_of(std::string_view routing_id);
  void on_closed(int fd);
  void dismiss_leaving();
  void try_blocked(std::size_t peers_max);
  void arm_belt();

  // Constant after construction
  asio::io_context& loop_;
  ZmqSockets& sockets_;
  Connections& connections_;
  Counters& counters_;

  // Constant after start
  TransportHandler* handler_ = nullptr;
  std::function<void()> end_burst_;

  std::array<Watched, source_count> sources_;
  ZmqPeers peers_;
  ZmqMessage message_;
  std::array<LastFrame, out_frames_max> last_sent_;
  // Of the last message on ingest: its text, and where libzmq keeps it, which is each connection's.
  std::string ingest_user_;
  const char* ingest_user_at_ = nullptr;
  std::deque<PeerId> blocked_;
  std::vector<PeerId> leaving_;
  std::uint32_t pumps_since_leaving_ = 0;
  asio::steady_timer belt_;
  bool is_belt_armed_ = false;
  bool is_stopped_ = false;
};

}  // namespace backstage::transport
