/// Transports: the ways in side by side, as one: the daemon's own ZMTP, and libzmq where it is
/// needed.
#pragma once
#include <chrono>
#include <functional>
#include <optional>

#include "daemon/transport/sockets.hpp"
#include "daemon/transport/zmq_transport.hpp"
#include "daemon/transport/zmtp_transport.hpp"

namespace backstage::transport {

/// All [gateway] but construction and destruction. As each of them, see there.
class Transports final : public Transport {
 public:
  /// `sockets` are bound, and outlive it.
  Transports(asio::io_context& loop, Sockets& sockets, Counters& counters, Principals& principals,
             Events& events, const Options& options, const Limits& limits)
      : zmtp_connections_(sockets.tables, sockets.tables.zmtp, counters, principals, events,
                          limits),
        zmq_connections_(sockets.tables, sockets.tables.zmq, counters, principals, events, limits),
        zmtp_(loop, sockets.zmtp, zmtp_connections_, counters, principals, events, options,
              limits) {
    if (sockets.zmq) zmq_.emplace(loop, *sockets.zmq, zmq_connections_, counters, events);
  }

  void start(TransportHandler& handler, const std::function<void()>& end_burst) {
    zmtp_.start(handler, end_burst);
    if (zmq_) zmq_->start(handler, end_burst);
  }
  void look_at_all() {
    zmtp_.look_at_all();
    if (zmq_) zmq_->look_at_all();
  }
  void settle() {
    zmtp_.settle();
    if (zmq_) zmq_->settle();
  }
  void stop(std::chrono::milliseconds linger) {
    if (zmq_) zmq_->stop(linger);
    zmtp_.stop(linger);
  }
  [[nodiscard]] bool has_blocked() const noexcept {
    return zmtp_.has_blocked() || (zmq_ && zmq_->has_blocked());
  }
  /// Cuts connections, of all doors, for which it holds.
  void cut_if(const std::function<bool(Door, const ConnectionBook::Connection&)>& is_over) {
    // What is gone already is not to be looked for.
    if (zmq_) zmq_->read_monitors();
    zmtp_connections_.cut_if(is_over);
    zmq_connections_.cut_if(is_over);
  }

  [[nodiscard]] SendResult send(PeerId peer, std::span<const OutFrame> frames) override {
    const bool is_zmq = (static_cast<std::uint64_t>(peer) & 1U) != 0;
    if (!is_zmq) return zmtp_.send(peer, frames);
    return zmq_ ? zmq_->send(peer, frames) : SendResult::gone;
  }
  void publish(std::span<const OutFrame> frames) override {
    zmtp_.publish(frames);
    if (zmq_) zmq_->publish(frames);
  }
  void pause_ingest() override {
    zmtp_.pause_ingest();
    if (zmq_) zmq_->pause_ingest();
  }
  void resume_ingest() override {
    zmtp_.resume_ingest();
    if (zmq_) zmq_->resume_ingest();
  }

 private:
  Connections zmtp_connections_;
  Connections zmq_connections_;
  ZmtpTransport zmtp_;
  std::optional<ZmqTransport> zmq_;
};

}  // namespace backstage::transport
