/// Envelope: the frames that a peer puts before its messages, and gets back before each answer.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "core/name_ref.hpp"
#include "daemon/transport/transport.hpp"

namespace backstage::transport {

/// How many frames of a received message are not the client's own: a REQ socket, and a DEALER that
/// likes to, puts an empty one in front, and ZMQ_REQ_CORRELATE a number in front of that. They go
/// back with every answer.
[[nodiscard]] constexpr std::size_t delimiter_frames(
    SocketKind kind, std::span<const std::string_view> frames) noexcept {
  if (frames.size() > 1 && frames[0].empty()) return 1;
  return kind == SocketKind::req && frames.size() > 2 && frames[1].empty() ? 2 : 0;
}

/// Of one peer: as its last message that had one.
class Envelope {
 public:
  /// Takes note of what is before a message; returns how many frames that is.
  std::size_t take_off(SocketKind kind, std::span<const std::string_view> frames) {
    const std::size_t count = delimiter_frames(kind, frames);
    if (count == 0) return 0;
    if (correlation_ == nullptr) correlation_ = std::make_unique<NameRef>();
    *correlation_ = count == 2 ? NameRef(frames[0]) : NameRef();
    return count;
  }
  /// Nothing goes before its answers.
  [[nodiscard]] bool is_empty() const noexcept { return correlation_ == nullptr; }
  /// Calls `put` with each frame that goes before an answer, in their order.
  void put_back(const auto& put) const {
    if (is_empty()) return;
    if (!correlation_->empty()) put(correlation_->text());
    put(std::string_view{});
  }

 private:
  // Empty: the delimiter alone. Null: not even that. Few have one, and a pointer is all it costs.
  std::unique_ptr<NameRef> correlation_;
};

}  // namespace backstage::transport
