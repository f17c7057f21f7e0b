/// ZmtpMessage: a received multipart message, of frames that lie in a read buffer or are owned.
#pragma once
#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "daemon/transport/transport.hpp"

namespace backstage::transport {

/// Reused from message to message. Keeps the first frames and lets further ones go: the protocol
/// bounds how many a message may have, ZMTP does not.
class ZmtpMessage final : public InMessage {
 public:
  /// Adds a frame that lies in memory of somebody else's, valid until clear() or take_owned().
  void add(std::string_view frame) noexcept;
  /// Adds a frame of its own.
  void add(Payload frame) noexcept;
  /// As many frames as are kept have come.
  [[nodiscard]] bool is_full() const noexcept { return count_ == frames_kept; }
  void clear() noexcept;
  /// Takes all frames out, those of somebody else's copied.
  [[nodiscard]] std::vector<Payload> take_owned();

  /// Hides the first `count` frames from frames(): an envelope.
  void skip(std::size_t count) noexcept { skipped_ = count; }
  void set_user(std::string_view user) noexcept { user_ = user; }
  [[nodiscard]] std::span<const std::string_view> all_frames() const noexcept {
    return {views_.data(), count_};
  }

  [[nodiscard]] std::span<const std::string_view> frames() const noexcept override {
    return all_frames().subspan(skipped_);
  }
  [[nodiscard]] Payload take(std::size_t frame, std::size_t offset) override;
  [[nodiscard]] std::string_view user_id() const noexcept override { return user_; }

 private:
  // Correlation id, delimiter, control line, payload, and one too many.
  static constexpr std::size_t frames_kept = 5;
  std::array<std::string_view, frames_kept> views_;
  std::array<Payload, frames_kept> owned_;
  std::size_t count_ = 0;
  std::size_t skipped_ = 0;
  bool has_owned_ = false;
  std::string_view user_;
};

}  // namespace backstage::transport
