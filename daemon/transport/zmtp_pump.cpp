// ZmtpTransport's loop: what the kernel says is ready, turn by turn.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <asio/post.hpp>
#include <utility>

#include "daemon/transport/zmtp_transport.hpp"
#include "daemon/zmtp/command.hpp"

namespace backstage::transport {
namespace {

using namespace std::chrono_literals;

// Connections of one turn, before others of the loop have theirs. Each is read once.
constexpr std::size_t ready_max = 64;
// A silent connection is closed after this: a few peers might hold all places.
constexpr auto handshake_max = 2s;
// So often a peer is asked whether it is there, whatever it says: libzmq counts what we let pass
// from one PING to the next thing that it hears of us, and ends the connection over our_ttl.
constexpr auto ping_interval = 10s;
constexpr auto our_ttl = 20s;

}  // namespace

void ZmtpTransport::start(TransportHandler& handler, std::function<void()> end_burst) {
  handler_ = &handler;
  end_burst_ = std::move(end_burst);
  listen(true);
  arm();
}

// The set is level-triggered and nobody else reads it: no edge can be lost.
void ZmtpTransport::arm() {
  if (is_armed_ || is_stopped_) return;
  is_armed_ = true;
  poll_.async_wait(asio::posix::descriptor_base::wait_read, [this](const asio::error_code& error) {
    if (error) return;
    is_armed_ = false;
    pump();
  });
}

void ZmtpTransport::pump_soon() {
  if (std::exchange(is_posted_, true)) return;
  asio::post(loop_, [this] {
    is_posted_ = false;
    pump();
  });
}

void ZmtpTransport::look_at_all() {
  message_.clear();
  pump_soon();
}

void ZmtpTransport::pump() {
  if (is_stopped_) return;
  if (!is_ingest_paused_ && !held_.empty()) release_held();
  std::array<epoll_event, ready_max> ready;
  const int count = ::epoll_wait(poll_.native_handle(), ready.data(), ready.size(), 0);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = ready.at(static_cast<std::size_t>(i));
    const auto* const listener = static_cast<const ZmtpListener*>(event.data.ptr);
    if (listener >= listeners_.all().data() &&
        listener < listeners_.all().data() + listeners_.all().size()) {
      accept_some(*listener);
      continue;
    }
    ZmtpConnection& connection = *static_cast<ZmtpConnection*>(event.data.ptr);
    if (connection.is_over) continue;
    if (connection.is_held) {
      look_at_held(connection);
      continue;
    }
    if ((event.events & EPOLLOUT) != 0) {
      write(connection);
      unblock(connection);
    }
    if ((event.events & ~EPOLLOUT) != 0 && !connection.is_over) read(connection);
  }
  end_burst_();
  if (count == static_cast<int>(ready.size())) return pump_soon();
  arm();
}

void ZmtpTransport::watch(ZmtpConnection& connection) noexcept {
  epoll_event event{};
  // Of one that is held only its end is of interest, once: its data would be told of all the time.
  event.events =
      connection.is_held ? EPOLLRDHUP | EPOLLET : EPOLLIN | (connection.is_waiting ? EPOLLOUT : 0U);
  event.data.ptr = &connection;
  (void)::epoll_ctl(poll_.native_handle(), EPOLL_CTL_MOD, connection.fd, &event);
}

void ZmtpTransport::listen(bool listens) {
  if (std::exchange(is_listening_, listens) == listens) return;
  for (const ZmtpListener& one : listeners_.all()) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = const_cast<ZmtpListener*>(&one);
    (void)::epoll_ctl(poll_.native_handle(), listens ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, one.fd,
                      &event);
  }
  if (!listens) arm_tick();
}

void ZmtpTransport::arm_tick() {
  if (is_ticking_ || is_stopped_) return;
  is_ticking_ = true;
  ticker_.expires_after(tick_interval);
  ticker_.async_wait([this](const asio::error_code& error) {
    is_ticking_ = false;
    if (error || is_stopped_) return;
    tick();
  });
}

// Time stands still while the process does: nobody is given up for our own silence.
void ZmtpTransport::tick() {
  ++now_;
  // First, so that time goes on whatever is thrown below.
  listen(true);
  if (!all_.empty()) arm_tick();
  std::vector<ZmtpConnection*> silent;
  for (const auto& [id, connection] : all_) {
    if (is_too_silent(*connection)) silent.push_back(connection.get());
  }
  for (ZmtpConnection* const one : silent) end(*one);
  end_burst_();
}

bool ZmtpTransport::is_too_silent(ZmtpConnection& connection) {
  const std::uint32_t silence = now_ - connection.heard_at;
  if (connection.handshake != nullptr) return silence > handshake_max / tick_interval;
  if (connection.silence_max == 0) return false;
  if (silence >= connection.silence_max) return true;
  if (now_ - connection.pinged_at >= ping_interval / tick_interval) {
    connection.pinged_at = now_;
    std::string ping;
    zmtp::append_ping(ping, our_ttl);
    say(connection, ping);
  }
  return false;
}

// A command. Who takes nothing is told nothing: it would be a way to have memory of ours.
void ZmtpTransport::say(ZmtpConnection& connection, std::string_view command) {
  if (connection.is_waiting) return;
  connection.output.append_bytes(chunks_, command, 0);
  mark_dirty(connection);
}

}  // namespace backstage::transport
