#include "daemon/transport/zmtp_transport.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace backstage::transport {
namespace {

using namespace std::chrono_literals;

// What one read may bring, after what the last one has left: enough for some hundred messages,
// little enough that a ping between two floods waits 50 us.
constexpr std::size_t buffer_bytes = 65'536;
// What a peer may have ahead of it in memory of ours, beside the messages that options allow.
constexpr std::size_t cmd_bytes_max = 131'072;
constexpr std::size_t pub_bytes_max = 8U << 20U;
// From here on it is written at once: while it is still in the cache.
constexpr std::size_t write_now_bytes = 65'536;

// Of one connection, as the transport stops.
constexpr int last_reads_max = 64;

int make_poll() {
  const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  return fd;
}

}  // namespace

ZmtpTransport::ZmtpTransport(asio::io_context& loop, const ZmtpListeners& listeners,
                             Connections& connections, Counters& counters, Principals& principals,
                             Events& events, const Options& options, const Limits& limits)
    : loop_(loop),
      listeners_(listeners),
      connections_(connections),
      counters_(counters),
      principals_(principals),
      events_(events),
      options_(options),
      limits_(limits),
      poll_(loop, make_poll()),
      ticker_(loop),
      buffer_(buffer_bytes) {}

ZmtpTransport::~ZmtpTransport() { stop(0ms); }

void ZmtpTransport::stop(std::chrono::milliseconds linger) {
  if (std::exchange(is_stopped_, true)) return;
  ticker_.cancel();
  ::close(poll_.release());
  const auto deadline = std::chrono::steady_clock::now() + linger;
  std::vector<pollfd> left;
  for (;;) {
    left.clear();
    for (const auto& [id, connection] : all_) {
      if (connection->output.write(chunks_, connection->fd) != ZmtpOutput::Written::some) continue;
      left.push_back({connection->fd, POLLOUT, 0});
    }
    const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.empty() || rest <= 0ms) break;
    (void)::poll(left.data(), left.size(), static_cast<int>(rest.count()));
  }
  // What is closed with something unread in it resets its peer, which might lose what we said last.
  for (const auto& [id, connection] : all_) {
    for (int i = 0; i < last_reads_max; ++i) {
      if (::recv(connection->fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT) <= 0) break;
    }
  }
}

SendResult ZmtpTransport::send(PeerId id, std::span<const OutFrame> frames) {
  if (is_stopped_) return SendResult::gone;
  if (last_sent_to_ == nullptr || last_sent_to_->peer.id != id) {
    const auto found = all_.find(id);
    if (found == all_.end()) return SendResult::gone;
    last_sent_to_ = found->second.get();
  }
  ZmtpConnection& connection = *last_sent_to_;
  if (!has_room(connection, cmd_bytes_max, options_.cmd_send_messages_max)) {
    if (!std::exchange(connection.is_blocked, true)) ++blocked_;
    return SendResult::would_block;
  }
  if (connection.envelope.is_empty()) {
    connection.output.append(chunks_, frames);
  } else {
    std::array<OutFrame, out_frames_max + 2> all{};
    std::size_t count = 0;
    connection.envelope.put_back([&](std::string_view frame) { all.at(count++).bytes = frame; });
    for (const OutFrame& frame : frames) all.at(count++) = frame;
    connection.output.append(chunks_, std::span(all).first(count));
  }
  mark_dirty(connection);
  return SendResult::sent;
}

void ZmtpTransport::publish(std::span<const OutFrame> frames) {
  if (is_stopped_) return;
  // Filters are of addresses: what follows the header in one frame is of no interest.
  const auto& matched = filters_.match(frames.front().bytes);
  if (matched.empty()) return;
  const bool shares = std::ranges::any_of(frames, &OutFrame::is_shared);
  if (!shares) {
    encoded_.clear();
    encode_message(encoded_, frames);
  }
  for (ZmtpConnection* const one : matched) {
    if (!has_room(*one, pub_bytes_max, options_.pub_send_messages_max)) continue;
    if (shares) {
      one->output.append(chunks_, frames);
    } else {
      one->output.append_bytes(chunks_, encoded_, 1);
    }
    mark_dirty(*one);
  }
}

void ZmtpTransport::mark_dirty(ZmtpConnection& connection) {
  if (connection.output.bytes() >= write_now_bytes && !connection.is_waiting) write(connection);
  if (connection.output.empty() || connection.is_dirty) return;
  dirty_.push_back(&connection);
  connection.is_dirty = true;
}

// Whether one more may be added to what it has not taken.
bool ZmtpTransport::has_room(ZmtpConnection& connection, std::size_t bytes_max,
                             std::uint32_t messages_max) {
  const auto is_within = [&] {
    return connection.output.bytes() < bytes_max && connection.output.messages() < messages_max;
  };
  if (is_within()) return true;
  if (connection.is_waiting) return false;
  write(connection);
  return is_within();
}

void ZmtpTransport::write(ZmtpConnection& connection) {
  const auto written = connection.output.write(chunks_, connection.fd);
  if (written == ZmtpOutput::Written::broken) {
    // Its end shows where it is read, after what it had said.
    connection.output.clear(chunks_);
    (void)::shutdown(connection.fd, SHUT_RDWR);
  }
  const bool waits = written == ZmtpOutput::Written::some;
  if (std::exchange(connection.is_waiting, waits) != waits) watch(connection);
}

// Half of what it may have ahead of it is free again.
void ZmtpTransport::unblock(ZmtpConnection& connection) {
  if (!connection.is_blocked || connection.output.bytes() > cmd_bytes_max / 2 ||
      connection.output.messages() > options_.cmd_send_messages_max / 2) {
    return;
  }
  connection.is_blocked = false;
  --blocked_;
  try {
    handler_->on_writable(connection.peer.id);
  } catch (...) {
    // Nobody would tell it again.
    end(connection);
    throw;
  }
}

void ZmtpTransport::settle() {
  // Grows by nothing: to write tells nobody.
  for (ZmtpConnection* const one : dirty_) {
    one->is_dirty = false;
    if (!one->is_over && !one->is_waiting) write(*one);
  }
  dirty_.clear();
  dead_.clear();
}

void ZmtpTransport::pause_ingest() { is_ingest_paused_ = true; }

void ZmtpTransport::resume_ingest() {
  if (!std::exchange(is_ingest_paused_, false)) return;
  pump_soon();
}

}  // namespace backstage::transport
