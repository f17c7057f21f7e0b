/// ZmtpReader: what one connection sends after its handshake, cut into messages and commands.
///
/// What was read lies in a buffer that all connections share. Only what a read cuts in two is kept
/// here until the rest comes: a frame below frame_adopt_bytes_min with its header, a larger one in
/// a buffer of its own, into which the rest is read. So a large payload is copied once at most, as
/// far as it came with what was before it. A connection between two messages keeps nothing.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/transport/zmtp_message.hpp"
#include "daemon/zmtp/frame.hpp"

namespace backstage::transport {

/// One thread at a time.
class ZmtpReader {
 public:
  enum class What : std::uint8_t {
    message,  ///< `message` is whole: handle it, then clear it
    command,  ///< command() is one
    nothing,  ///< more is to be read first: keep() what is left
    broken,   ///< the stream makes no sense, or a frame is over the limit
  };
  static constexpr std::uint64_t command_bytes_max = 4'096;

  explicit ZmtpReader(std::uint64_t frame_bytes_max) noexcept : frame_bytes_max_(frame_bytes_max) {}
  ~ZmtpReader();
  ZmtpReader(const ZmtpReader&) = delete;
  ZmtpReader& operator=(const ZmtpReader&) = delete;

  /// How many bytes that were read before are to be put in front of what is read next; they are
  /// copied to `to`, and forgotten here. At most tail_bytes_max, unless keep() was given more.
  [[nodiscard]] std::size_t take_tail(char* to) noexcept;
  [[nodiscard]] bool has_tail() const noexcept { return cut_ != nullptr && !cut_->tail.empty(); }
  /// Something was read that is not handled yet.
  [[nodiscard]] bool has_begun() const noexcept { return cut_ != nullptr; }
  /// Where the rest of a large frame is to be read to; empty: into the shared buffer.
  [[nodiscard]] std::span<char> body_room() const noexcept;
  /// So many bytes came there. False: there is more of it to come.
  [[nodiscard]] bool filled(std::size_t bytes) noexcept;
  /// Puts the frames that came before into `message`. A large frame that was its last: true.
  [[nodiscard]] bool resume(ZmtpMessage& message);
  /// The next thing at the front of `bytes`, which it takes off. `message` collects its frames.
  [[nodiscard]] What next(std::string_view& bytes, ZmtpMessage& message);
  /// The body of the command just found, in what was read.
  [[nodiscard]] std::string_view command() const noexcept { return command_; }
  /// Keeps what is left, and the frames of a message that is not whole.
  void keep(std::string_view bytes, ZmtpMessage& message);

 private:
  // What a read has cut in two.
  struct Cut {
    std::string tail;
    std::vector<Payload> frames;
    PayloadBuffer* body = nullptr;
    std::byte* body_at = nullptr;
    std::size_t body_missing = 0;
    bool body_has_more = false;
    std::uint64_t surplus_missing = 0;  // of a frame that nobody wants
    bool surplus_has_more = false;
  };
  [[nodiscard]] Cut& cut() {
    if (cut_ == nullptr) cut_ = std::make_unique<Cut>();
    return *cut_;
  }
  [[nodiscard]] What begin(const zmtp::Header& header, std::string_view& bytes,
                           const ZmtpMessage& message);
  [[nodiscard]] bool skip_surplus(std::string_view& bytes);

  const std::uint64_t frame_bytes_max_;
  std::string_view command_;
  std::unique_ptr<Cut> cut_;
};

}  // namespace backstage::transport
