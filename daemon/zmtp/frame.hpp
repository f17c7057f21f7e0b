/// Frames of ZMTP 3.x: one flag byte, the body's length in one byte or eight, the body.
///
/// Source: rfc.zeromq.org/spec/23 (ZMTP 3.0), section "Framing"; 37 (ZMTP 3.1) frames alike.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace backstage::zmtp {

inline constexpr std::size_t header_bytes_max = 9;
/// Up to here a body's length takes one byte.
inline constexpr std::size_t short_body_bytes_max = 255;

/// What a frame says before its body.
struct Header {
  enum class State : std::uint8_t {
    whole,
    incomplete,  ///< more bytes are needed to tell
    broken,      ///< no frame begins so: the stream makes no sense from here on
  };
  State state = State::incomplete;
  bool has_more = false;    ///< further frames of the same message follow
  bool is_command = false;  ///< not part of any message
  std::uint8_t bytes = 0;   ///< of the header itself
  std::uint64_t body_bytes = 0;
};

/// Reads the header at the front of `bytes`.
[[nodiscard]] Header parse_header(std::string_view bytes) noexcept;

/// A header to be sent.
struct HeaderText {
  std::array<char, header_bytes_max> bytes;
  std::uint8_t size;
  [[nodiscard]] std::string_view text() const noexcept { return {bytes.data(), size}; }
};
[[nodiscard]] HeaderText message_header(std::size_t body_bytes, bool has_more) noexcept;
[[nodiscard]] HeaderText command_header(std::size_t body_bytes) noexcept;

}  // namespace backstage::zmtp
