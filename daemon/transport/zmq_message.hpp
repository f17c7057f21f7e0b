/// ZmqMessage: a received multipart message; and frames to send, copied or shared.
#pragma once
#include <zmq.h>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "daemon/transport/transport.hpp"
#include "daemon/transport/zmq_socket.hpp"

namespace backstage::transport {

/// Reused from message to message. Keeps the first frames and counts no further ones: libzmq sets
/// no bound on the frames of a message, but what is beyond the bound of the protocol is let go.
class ZmqMessage final : public InMessage {
 public:
  ZmqMessage() noexcept;
  ~ZmqMessage() override;
  ZmqMessage(const ZmqMessage&) = delete;
  ZmqMessage& operator=(const ZmqMessage&) = delete;

  /// Takes the rest of a message, `more` saying whether there is any.
  void receive(ZmqSocket& socket, bool more);
  /// Hides the first `count` frames from frames(): an envelope.
  void skip(std::size_t count) noexcept { skipped_ = count; }

  /// Every frame kept, envelope included.
  [[nodiscard]] std::span<const std::string_view> all_frames() const noexcept {
    return {views_.data(), count_};
  }
  [[nodiscard]] std::span<const std::string_view> frames() const noexcept override {
    return all_frames().subspan(skipped_);
  }
  [[nodiscard]] Payload take(std::size_t frame, std::size_t offset) override;
  [[nodiscard]] std::string_view user_id() const noexcept override;

  /// A property of the connection the message came by, empty if unknown. Read from the last frame:
  /// the first loses it when the socket was polled before (fixed in libzmq 4.3.5).
  [[nodiscard]] std::string_view property(const char* name) const noexcept;
  /// The descriptor of that connection, -1 if unknown. A hint: numbers are reused.
  [[nodiscard]] int connection_fd() const noexcept;

 private:
  void clear() noexcept;

  // Correlation id, delimiter, control line, payload, and one too many.
  static constexpr std::size_t frames_kept = 5;
  mutable std::array<zmq_msg_t, frames_kept> parts_;
  std::array<std::string_view, frames_kept> views_;
  std::size_t count_ = 0;
  std::size_t skipped_ = 0;
};

/// The last frame that was sent at one place in a message. Who fans out says the same a hundred
/// times: from the second time on libzmq shares its memory. Else each would be allocated here and
/// freed by libzmq's thread, and both would wait for each other at the allocator's lock.
class LastFrame {
 public:
  LastFrame() noexcept;
  ~LastFrame();
  LastFrame(const LastFrame&) = delete;
  LastFrame& operator=(const LastFrame&) = delete;

  /// Makes a message of the frame, of bytes that are copied. Throws std::bad_alloc.
  void make(zmq_msg_t& message, const OutFrame& frame);

 private:
  [[nodiscard]] bool is_as_last(const OutFrame& frame) const noexcept;

  std::string bytes_;
  zmq_msg_t shared_;  // the same, if it was said twice
  bool is_shared_ = false;
};

/// Sends one frame. From frame_adopt_bytes_min up a given buffer is shared, not copied.
/// False and errno: nothing was taken.
[[nodiscard]] bool send_frame(ZmqSocket& socket, const OutFrame& frame, bool more,
                              LastFrame* last = nullptr);

}  // namespace backstage::transport
