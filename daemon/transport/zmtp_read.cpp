// ZmtpTransport's way in: bytes, handshakes, commands, messages.
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "daemon/transport/zmtp_transport.hpp"
#include "daemon/zmtp/command.hpp"

namespace backstage::transport {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t read_bytes = 16'384;
// Of ZAP, as libzmq tells a client whom its handler refuses: it does not try again.
constexpr std::string_view refused_status = "400";
// Whoever has said nothing for so long, not even PONG, is gone.
constexpr auto silence_max = 15s;

std::string_view socket_type_of(Door door) noexcept {
  if (door == Door::cmd) return "ROUTER";
  return door == Door::pub ? "XPUB" : "PULL";
}

// What is wrong with a socket of that type at a door; empty: nothing.
std::string_view objection_to(Door door, std::string_view type) noexcept {
  switch (door) {
    case Door::cmd:
      if (type == "DEALER" || type == "REQ" || type == "ROUTER") return {};
      return "it is no DEALER and no REQ socket, and this is cmd";
    case Door::pub:
      return type == "SUB" || type == "XSUB" ? "" : "it is no SUB socket, and this is pub";
    case Door::ingest:
      return type == "PUSH" ? "" : "it is no PUSH socket, and this is ingest";
  }
  return {};
}

}  // namespace

void ZmtpTransport::read(ZmtpConnection& connection) {
  if (is_to_wait(connection)) return hold(connection, {});
  if (!connection.reader.body_room().empty()) return read_body(connection);
  const std::size_t kept = connection.reader.take_tail(buffer_.data());
  const auto come = ::recv(connection.fd, buffer_.data() + kept, read_bytes, MSG_DONTWAIT);
  if (come <= 0) {
    if (come == 0 || (errno != EAGAIN && errno != EINTR)) return end(connection);
    return connection.reader.keep({buffer_.data(), kept}, message_);
  }
  handle_bytes(connection, {buffer_.data(), kept + static_cast<std::size_t>(come)});
}

void ZmtpTransport::read_body(ZmtpConnection& connection) {
  const auto room = connection.reader.body_room();
  const auto come = ::recv(connection.fd, room.data(), room.size(), MSG_DONTWAIT);
  if (come <= 0) {
    if (come == 0 || (errno != EAGAIN && errno != EINTR)) end(connection);
    return;
  }
  connection.heard_at = now_;
  if (connection.reader.filled(static_cast<std::size_t>(come))) handle_bytes(connection, {});
}

// What the handler throws ends the connection: nobody knows how much of what was read is done.
void ZmtpTransport::handle_bytes(ZmtpConnection& connection, std::string_view bytes) {
  try {
    if (connection.handshake != nullptr && !shake_hands(connection, bytes)) return;
    connection.heard_at = now_;
    bool is_whole = connection.reader.resume(message_);
    for (;;) {
      if (is_to_wait(connection) && !is_whole) return hold(connection, bytes);
      const auto what = std::exchange(is_whole, false) ? ZmtpReader::What::message
                                                       : connection.reader.next(bytes, message_);
      if (what == ZmtpReader::What::nothing) return connection.reader.keep(bytes, message_);
      if (what == ZmtpReader::What::broken) {
        message_.clear();
        return break_off(connection, "what it sends are no frames, or larger than they may be");
      }
      if (what == ZmtpReader::What::command) {
        handle_command(connection, connection.reader.command());
      } else {
        handle_message(connection);
        message_.clear();
      }
      if (connection.is_over) return message_.clear();
    }
  } catch (...) {
    message_.clear();
    end(connection);
    throw;
  }
}

// False: it is not done yet, or over.
bool ZmtpTransport::shake_hands(ZmtpConnection& connection, std::string_view& bytes) {
  Handshake& handshake = *connection.handshake;
  const bool was_greeted = handshake.is_greeted();
  bytes.remove_prefix(handshake.read(bytes));
  if (handshake.state() == Handshake::State::refused) {
    break_off(connection, handshake.why());
    return false;
  }
  if (!was_greeted && handshake.is_greeted()) {
    std::string answer;
    if (connection.is_refused) {
      zmtp::append_error(answer, refused_status);
    } else {
      zmtp::append_ready(answer, socket_type_of(connection.door));
    }
    say(connection, answer);
  }
  if (connection.is_refused && handshake.is_greeted()) {
    write(connection);
    end(connection);
    return false;
  }
  if (handshake.state() == Handshake::State::done) return become(connection);
  connection.reader.keep(bytes, message_);
  return false;
}

// False: it may not be what it is.
bool ZmtpTransport::become(ZmtpConnection& connection) {
  const auto handshake = std::exchange(connection.handshake, nullptr);
  const auto objection = objection_to(connection.door, handshake->socket_type());
  if (!objection.empty()) {
    break_off(connection, objection);
    return false;
  }
  const bool is_req = handshake->socket_type() == "REQ";
  connection.peer.kind = is_req ? SocketKind::req : SocketKind::dealer;
  connection.peer.chose_routing_id = handshake->has_identity();
  // While ingest waits its peers are not read, their PONGs neither.
  if (handshake->has_heartbeats() && connection.door != Door::ingest) {
    connection.silence_max = silence_max / tick_interval;
    connection.pinged_at = now_;
  }
  return true;
}

void ZmtpTransport::handle_command(ZmtpConnection& connection, std::string_view body) {
  using Kind = zmtp::Command::Kind;
  const auto command = zmtp::parse_command(body);
  if (command.kind == Kind::ping) {
    const auto ping = zmtp::parse_ping(command.data);
    if (!ping) return break_off(connection, "its PING cannot be read");
    // Whole ticks, and one more: it was heard at any moment between two.
    const auto ttl =
        static_cast<std::uint32_t>((ping->ttl + tick_interval - 1ms) / tick_interval) + 1;
    if (ping->ttl.count() != 0 && connection.silence_max != 0) {
      connection.silence_max = std::min(connection.silence_max, ttl);
    }
    std::string pong;
    zmtp::append_pong(pong, ping->context);
    return say(connection, pong);
  }
  if (command.kind == Kind::broken || command.kind == Kind::ready || command.kind == Kind::error) {
    return break_off(connection, "it sends a command that makes no sense here");
  }
  if (connection.door != Door::pub) return;
  if (command.kind == Kind::subscribe) handle_filter(connection, command.data, true);
  if (command.kind == Kind::cancel) handle_filter(connection, command.data, false);
}

// False: it was cut.
bool ZmtpTransport::meet(ZmtpConnection& connection, int filters) {
  connection.is_met = true;
  return connections_.meet(connection.door, connection.fd, connection.peer.user_id, filters) !=
         Connections::Met::cut;
}

void ZmtpTransport::handle_filter(ZmtpConnection& connection, std::string_view filter,
                                  bool is_added) {
  if (!is_added && !filters_.remove(connection, filter)) return;
  if (is_added) filters_.add(connection, filter);
  handler_->on_filter(filter, is_added);
  if (!meet(connection, is_added ? 1 : -1)) end(connection);
}

void ZmtpTransport::handle_message(ZmtpConnection& connection) {
  if (connection.door == Door::pub) {
    // As ZMTP 3.0 has it: a byte 1 or 0, then the filter.
    const auto bytes = message_.all_frames()[0];
    const bool is_filter = !bytes.empty() && (bytes[0] == '\0' || bytes[0] == '\1');
    if (!is_filter) return counters_.filters_unusable.add();
    return handle_filter(connection, bytes.substr(1), bytes[0] == '\1');
  }
  // What a connection that is cut has said already still counts.
  if (!connection.is_met) (void)meet(connection, 0);
  message_.set_user(connection.peer.user_id);
  if (connection.door == Door::ingest) return handler_->on_ingest(message_);
  message_.skip(connection.envelope.take_off(connection.peer.kind, message_.all_frames()));
  counters_.messages_in.add();
  handler_->on_message(connection.peer, message_);
}

// Nothing more of it is read; `bytes` were, and wait.
void ZmtpTransport::hold(ZmtpConnection& connection, std::string_view bytes) {
  connection.reader.keep(bytes, message_);
  if (connection.is_held) return;
  held_.push_back(connection.peer.id);
  connection.is_held = true;
  watch(connection);
}

// It has hung up. What it had sent before that waits for its turn; one that has nothing is gone.
void ZmtpTransport::look_at_held(ZmtpConnection& connection) {
  int unread = 0;
  (void)::ioctl(connection.fd, FIONREAD, &unread);
  if (unread == 0 && !connection.reader.has_begun()) end(connection);
}

void ZmtpTransport::release_held() {
  while (!held_.empty() && !is_ingest_paused_) {
    const auto found = all_.find(held_.back());
    held_.pop_back();
    if (found == all_.end()) continue;
    ZmtpConnection& connection = *found->second;
    connection.is_held = false;
    watch(connection);
    const std::size_t kept = connection.reader.take_tail(buffer_.data());
    if (kept != 0) handle_bytes(connection, {buffer_.data(), kept});
  }
}

}  // namespace backstage::transport
