/// Pack: what one peer gets within one turn of the loop, collected to go out as one message.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/gateway/seam.hpp"
#include "daemon/wire/format.hpp"

namespace backstage::gateway {

/// One message out. `payload` null: the control line alone. Borrowed for the call.
struct Outgoing {
  std::string_view control;
  const Payload* payload = nullptr;
};

/// Memory for packs, used again: an idle session holds none. [gateway]
class PackBuffers {
 public:
  [[nodiscard]] std::string take();
  void give(std::string buffer);

 private:
  // Of 64 KiB at most: what a fan-out to a hundred clients uses at once.
  static constexpr std::size_t kept_max = 128;
  std::vector<std::string> kept_;
};

/// The entries of a BATCH to be. [gateway]
class Pack {
 public:
  /// Of the entries together: far above what makes one system call cheap, and small beside what a
  /// session may have waiting.
  static constexpr std::size_t bytes_max = 64U << 10U;

  /// What is better shared than copied goes by itself.
  [[nodiscard]] static bool takes(const Outgoing& message) noexcept {
    return message.payload == nullptr || message.payload->size() < frame_adopt_bytes_min;
  }
  [[nodiscard]] bool has_room_for(const Outgoing& message) const noexcept;
  /// Where to collect, if it is empty; any buffer will do.
  void begin(std::string buffer) noexcept { bytes_ = std::move(buffer); }
  /// Ends it, and returns its buffer.
  [[nodiscard]] std::string end() noexcept;
  /// Copies a message that it takes and has room for.
  void add(const Outgoing& message, bool is_answer);

  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
  /// Of these, answers.
  [[nodiscard]] std::uint32_t answers() const noexcept { return answers_; }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return bytes_.empty() ? 0 : bytes_.size() - head_bytes;
  }
  /// What it holds, as the payload of a BATCH.
  [[nodiscard]] std::string_view entries() const noexcept {
    return bytes_.empty() ? std::string_view{} : std::string_view(bytes_).substr(head_bytes);
  }
  /// One or two frames, of a pack that is not empty: BATCH, or the message itself if there is only
  /// one. Views into the pack, valid until it changes.
  [[nodiscard]] std::span<const OutFrame> frames(bool one_frame);

 private:
  // Room for `BATCH 1024` and a line feed, so that one frame needs no other copy.
  static constexpr std::size_t head_bytes = 11;

  std::string bytes_;
  std::uint32_t count_ = 0;
  std::uint32_t answers_ = 0;
  // Of the first entry, should it stay alone
  std::size_t first_control_ = 0;
  bool first_has_payload_ = false;
  std::array<OutFrame, 2> frames_;
};

}  // namespace backstage::gateway
