/// ZmtpTransport: the daemon's own ZMTP behind the Transport seam, at endpoints without CURVE.
///
/// One thread, one epoll set, no queue between: what a read brings is handled at once, what is to
/// be sent is gathered and written once for each connection when the turn ends. Clients are
/// unmodified ZeroMQ of ZMTP 3.0 or later, libzmq 4.0 (2013) or another. The kernel says who
/// connects; nobody is asked.
#pragma once
#include <array>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "daemon/transport/connections.hpp"
#include "daemon/transport/transport.hpp"
#include "daemon/transport/zmtp_connection.hpp"
#include "daemon/transport/zmtp_filters.hpp"
#include "daemon/transport/zmtp_listeners.hpp"

namespace backstage::transport {

/// All [gateway] but construction and destruction.
class ZmtpTransport final : public Transport {
 public:
  /// `listeners` are bound, and outlive it. Throws std::system_error.
  ZmtpTransport(asio::io_context& loop, const ZmtpListeners& listeners, Connections& connections,
                Counters& counters, Principals& principals, Events& events, const Options& options,
                const Limits& limits);
  /// Closes every connection.
  ~ZmtpTransport() override;

  /// Begins to read. `end_burst` is called when messages were read, and calls settle().
  void start(TransportHandler& handler, std::function<void()> end_burst);
  /// Goes on after an exception, which may have come out of anything here.
  void look_at_all();
  /// Writes what was sent since the last look.
  void settle();
  /// Ends all reading and waiting, after what is left to send had `linger` to go.
  void stop(std::chrono::milliseconds linger);
  /// Some peer has not taken all that was sent to it.
  [[nodiscard]] bool has_blocked() const noexcept { return blocked_ != 0; }

  [[nodiscard]] SendResult send(PeerId peer, std::span<const OutFrame> frames) override;
  void publish(std::span<const OutFrame> frames) override;
  void pause_ingest() override;
  void resume_ingest() override;

 private:
  using Handshake = zmtp::Handshake;
  static constexpr std::chrono::milliseconds tick_interval{500};

  void arm();
  void pump();
  void pump_soon();
  void listen(bool listens);
  void tick();
  void arm_tick();
  void watch(ZmtpConnection& connection) noexcept;

  // Connections: who comes, who goes.
  void accept_some(const ZmtpListener& listener);
  void admit(int fd, Door door);
  void take_in(std::unique_ptr<ZmtpConnection> owner);
  void reserve_for_one_more();
  void end(ZmtpConnection& connection);
  [[nodiscard]] bool is_too_silent(ZmtpConnection& connection);

  // Reading.
  void read(ZmtpConnection& connection);
  void read_body(ZmtpConnection& connection);
  void handle_bytes(ZmtpConnection& connection, std::string_view bytes);
  void hold(ZmtpConnection& connection, std::string_view bytes);
  void look_at_held(ZmtpConnection& connection);
  void release_held();
  [[nodiscard]] bool shake_hands(ZmtpConnection& connection, std::string_view& bytes);
  [[nodiscard]] bool become(ZmtpConnection& connection);
  void handle_command(ZmtpConnection& connection, std::string_view body);
  void handle_message(ZmtpConnection& connection);
  void handle_filter(ZmtpConnection& connection, std::string_view filter, bool is_added);
  [[nodiscard]] bool meet(ZmtpConnection& connection, int filters);
  [[nodiscard]] bool is_to_wait(const ZmtpConnection& connection) const noexcept {
    return is_ingest_paused_ && connection.door == Door::ingest && connection.handshake == nullptr;
  }
  void break_off(ZmtpConnection& connection, std::string_view why);

  // Writing.
  void say(ZmtpConnection& connection, std::string_view command);
  void mark_dirty(ZmtpConnection& connection);
  void write(ZmtpConnection& connection);
  [[nodiscard]] bool has_room(ZmtpConnection& connection, std::size_t bytes_max,
                              std::uint32_t messages_max);
  void unblock(ZmtpConnection& connection);

  // Constant after construction
  asio::io_context& loop_;
  const ZmtpListeners& listeners_;
  Connections& connections_;
  Counters& counters_;
  Principals& principals_;
  Events& events_;
  const Options& options_;
  const Limits& limits_;

  // Constant after start
  TransportHandler* handler_ = nullptr;
  std::function<void()> end_burst_;

  asio::posix::stream_descriptor poll_;  // the epoll set, which is readable when one of it is
  asio::steady_timer ticker_;
  ZmtpChunks chunks_;
  std::unordered_map<PeerId, std::unique_ptr<ZmtpConnection>> all_;
  ZmtpConnection* last_sent_to_ = nullptr;
  std::vector<std::unique_ptr<ZmtpConnection>> dead_;  // to be freed when nobody looks at them
  std::vector<ZmtpConnection*> dirty_;
  std::vector<PeerId> held_;
  ZmtpFilters filters_;
  ZmtpMessage message_;
  std::vector<char> buffer_;
  std::string encoded_;  // what is being published, as it goes over the wire
  std::uint64_t last_id_ = 0;
  std::size_t blocked_ = 0;
  std::uint32_t now_ = 0;      // in ticks
  std::uint32_t told_at_ = 0;  // of the last connection that was broken off aloud
  bool is_armed_ = false;
  bool is_posted_ = false;
  bool is_ticking_ = false;
  bool is_listening_ = false;
  bool is_ingest_paused_ = false;
  bool is_stopped_ = false;
};

}  // namespace backstage::transport
