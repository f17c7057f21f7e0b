/// ZmtpConnection: one connection of an endpoint where the daemon speaks ZMTP itself.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "core/name_ref.hpp"
#include "daemon/transport/connection_book.hpp"
#include "daemon/transport/envelope.hpp"
#include "daemon/transport/zmtp_output.hpp"
#include "daemon/transport/zmtp_reader.hpp"
#include "daemon/zmtp/handshake.hpp"

namespace backstage::transport {

struct ZmtpConnection {
  /// Owns the descriptor.
  ZmtpConnection(int its_fd, Door its_door, std::uint64_t frame_bytes_max)
      : fd(its_fd), door(its_door), reader(frame_bytes_max) {}
  ZmtpConnection(const ZmtpConnection&) = delete;
  ZmtpConnection& operator=(const ZmtpConnection&) = delete;
  ~ZmtpConnection() { close(); }
  void close() noexcept;

  int fd;  ///< -1: closed
  const Door door;
  bool is_met = false;            ///< it has said something
  bool is_blocked = false;        ///< waits for on_writable
  bool is_dirty = false;          ///< among those to be written to
  bool is_waiting = false;        ///< for the kernel to take more
  bool is_held = false;           ///< of ingest, while that is paused: not read, and not polled
  bool is_over = false;           ///< closed; a moment, until nobody looks at it any more
  bool is_refused = false;        ///< it is told so as soon as it has greeted, and ended
  std::uint32_t heard_at = 0;     ///< in ticks
  std::uint32_t pinged_at = 0;    ///< in ticks
  std::uint32_t silence_max = 0;  ///< in ticks; 0: any
  std::uint64_t published = 0;    ///< the last publish that it was given
  Peer peer;                      ///< its user_id is who it is
  std::unique_ptr<zmtp::Handshake> handshake;  ///< null: it is done
  Envelope envelope;
  /// Of pub: its filters, and how often it has set each. Null: none yet.
  std::unique_ptr<std::map<std::string, std::uint32_t, std::less<>>> filters;
  ZmtpReader reader;
  ZmtpOutput output;
};

}  // namespace backstage::transport
