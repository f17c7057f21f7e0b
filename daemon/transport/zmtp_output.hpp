/// ZmtpOutput: what is still to be written to one connection, as the bytes that go over the wire.
#pragma once
#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <string>
#include <string_view>

#include "core/values/payload.hpp"
#include "daemon/transport/transport.hpp"

namespace backstage::transport {

/// A piece of it: bytes of our own, or a payload that others share.
struct ZmtpChunk {
  std::string bytes;
  Payload shared{};  ///< what `view` lies in, which is written instead; may be empty
  std::string_view view{};
  std::uint32_t messages = 0;  ///< that end in it
  [[nodiscard]] std::string_view text() const noexcept {
    return shared.empty() ? std::string_view(bytes) : view;
  }
};

/// Chunks that nobody needs now, for all connections: who has nothing to write holds no memory.
class ZmtpChunks {
 public:
  /// A new one at the end of `list`, with room for `bytes` at least.
  ZmtpChunk& append_to(std::list<ZmtpChunk>& list, std::size_t bytes);
  /// Takes the first of `list` back.
  void take_first(std::list<ZmtpChunk>& list);

 private:
  std::list<ZmtpChunk> free_;
};

/// One thread at a time.
class ZmtpOutput {
 public:
  enum class Written : std::uint8_t {
    all,
    some,    ///< the kernel takes no more for now
    broken,  ///< nobody reads there any more
  };

  /// One message. Payloads from frame_adopt_bytes_min up are shared. Throws std::bad_alloc: the
  /// stream cannot go on then, and write() says so.
  void append(ZmtpChunks& chunks, std::span<const OutFrame> frames);
  /// Whole frames as they go over the wire: a command, or one message that many get. Throws alike.
  void append_bytes(ZmtpChunks& chunks, std::string_view bytes, std::uint32_t messages);
  [[nodiscard]] Written write(ZmtpChunks& chunks, int fd);
  void clear(ZmtpChunks& chunks);

  [[nodiscard]] bool empty() const noexcept { return bytes_ == 0; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  /// Messages of which something is left; a few more than that, since chunks are counted whole.
  [[nodiscard]] std::uint32_t messages() const noexcept { return messages_; }

 private:
  [[nodiscard]] std::string& room_for(ZmtpChunks& chunks, std::size_t bytes);
  void append_frame(ZmtpChunks& chunks, const OutFrame& frame, bool has_more);
  void wrote(ZmtpChunks& chunks, std::size_t bytes);
  void give_up(ZmtpChunks& chunks);

  std::list<ZmtpChunk> chunks_;
  std::size_t first_sent_ = 0;  // of the first chunk
  std::size_t bytes_ = 0;
  std::uint32_t messages_ = 0;
  bool is_broken_ = false;
};

/// Appends a message to `out` as it goes over the wire, everything copied.
void encode_message(std::string& out, std::span<const OutFrame> frames);

}  // namespace backstage::transport
