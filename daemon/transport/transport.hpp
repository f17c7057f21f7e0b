/// Transport: the seam between the gateway's logic and whatever carries its frames.
///
/// Above it nobody knows ZeroMQ: there are peers with numbers, messages of frames, and three doors.
/// All of it is [gateway]: one thread calls both ways.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/name_ref.hpp"
#include "core/values/payload.hpp"

namespace backstage::transport {

/// One connection, as the gateway numbers it: counts up, and comes again only with what its peer
/// had sent before it was gone. Not the transport's routing id, which nobody may learn: who knows
/// one can claim it.
enum class PeerId : std::uint64_t {};

enum class SocketKind : std::uint8_t {
  dealer,  ///< takes messages at any time
  req,     ///< lockstep: takes exactly one message for each it sends
};

struct Peer {
  PeerId id{};
  SocketKind kind = SocketKind::dealer;
  bool chose_routing_id = false;  ///< set its own, which the protocol forbids: not to be served
  NameRef user_id;                ///< who it is, as the transport has checked it; may be empty
};

enum class SendResult : std::uint8_t {
  sent,         ///< the transport has it
  would_block,  ///< nothing was taken; on_writable follows
  gone,         ///< the peer is no more; no on_gone follows
};

/// Of a message to send.
inline constexpr std::size_t out_frames_max = 2;

/// One frame to send. With `buffer` given (and large enough) the transport shares it instead of
/// copying `bytes`, which lie in it; with `rest` given it is `bytes LF rest`, copied. Borrowed for
/// the call.
struct OutFrame {
  std::string_view bytes;
  PayloadBuffer* buffer = nullptr;
  std::optional<std::string_view> rest{};

  /// As it is sent.
  [[nodiscard]] std::size_t size() const noexcept {
    return bytes.size() + (rest ? 1 + rest->size() : 0);
  }
  [[nodiscard]] bool is_shared() const noexcept {
    return buffer != nullptr && bytes.size() >= frame_adopt_bytes_min;
  }
};

/// A received message, envelope frames taken off. Borrowed for the call it came with.
class InMessage {
 public:
  virtual ~InMessage() = default;
  /// At most one more than any message may have, so that too many can be told.
  [[nodiscard]] virtual std::span<const std::string_view> frames() const noexcept = 0;
  /// The bytes of a frame from `offset` on: adopted from frame_adopt_bytes_min up, copied below. At
  /// most once for each frame. The frame's view stays valid while the Payload (or a copy) lives.
  [[nodiscard]] virtual Payload take(std::size_t frame, std::size_t offset) = 0;
  /// Who sent it, as the transport has checked it; empty: nobody has. Valid as the message is.
  [[nodiscard]] virtual std::string_view user_id() const noexcept = 0;
};

/// What a transport tells. Implemented by the gateway's front.
class TransportHandler {
 public:
  /// A message on the `cmd` door.
  virtual void on_message(const Peer& peer, InMessage& message) = 0;
  /// Send may take something again for a peer that would block: try.
  virtual void on_writable(PeerId peer) = 0;
  /// The peer is no more, and nothing of it is left to be read.
  virtual void on_gone(PeerId peer) = 0;
  /// One more, or one fewer, SUB socket has this filter. The same filter comes once for each.
  virtual void on_filter(std::string_view filter, bool is_added) = 0;
  /// A message on the `ingest` door.
  virtual void on_ingest(InMessage& message) = 0;

 protected:
  ~TransportHandler() = default;
};

class Transport {
 public:
  virtual ~Transport() = default;
  /// All frames or none. Never blocks.
  [[nodiscard]] virtual SendResult send(PeerId peer, std::span<const OutFrame> frames) = 0;
  /// To every SUB socket with a filter that is a prefix of the first frame. Slow ones miss it.
  virtual void publish(std::span<const OutFrame> frames) = 0;
  /// While paused nothing is read from `ingest`, so that its senders block and lose nothing.
  virtual void pause_ingest() = 0;
  virtual void resume_ingest() = 0;
};

}  // namespace backstage::transport
