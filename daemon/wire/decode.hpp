/// Bytes from a client -> a Command, or a Refusal that says what is wrong and what to write.
///
/// Pure: no socket, no engine, no log, and no copy of a payload. Good SEND, REQ, PUB, GET lines are
/// decoded without allocating; SUB and UNSUB allocate their pattern, a refusal its text.
#pragma once
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "daemon/wire/command.hpp"
#include "daemon/wire/status.hpp"

namespace backstage::wire {

/// Why a message from a client is not a command: becomes `ERR id code token` + text.
struct Refusal {
  std::uint64_t id = 0;  ///< the `id=` of the line if it could be read, 0 otherwise
  Status status{};
  std::string text{};  ///< for people: what is wrong and what to do; empty if the token says it all
};

/// Where control line and payload of a message lie. Views into the frames: valid while they live.
struct Message {
  std::string_view control{};
  std::string_view payload{};
  /// The payload is `frames[payload_frame].substr(payload_offset)`, so that a transport can adopt
  /// the frame instead of copying it. Without any payload: the end of the first frame.
  std::size_t payload_frame = 0;
  std::size_t payload_offset = 0;
};

/// Takes the body frames of one message (identity and delimiter already off): `CTL [LF payload]`
/// in one frame, or `CTL` and payload in two.
/// Errors: 400 bad_frame for no frame, an empty control line, an LF in the control line of two
/// frames, a third frame. The grammar within the line is left to `decode`. [any]
[[nodiscard]] std::expected<Message, Refusal> split(std::span<const std::string_view> frames);

/// Takes one control line.
/// Errors: 400 bad_frame bad_verb bad_addr bad_name bad_arg, 403 reserved_name, 501 unsupported
/// (a key ending in '!' that the verb does not have), 505 version.
/// **Ownership**: the command's views point into `control`. [any]
[[nodiscard]] std::expected<Command, Refusal> decode(std::string_view control);

}  // namespace backstage::wire
