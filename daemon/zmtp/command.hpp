/// Commands of ZMTP 3.x: READY, ERROR, and of 3.1 PING, PONG, SUBSCRIBE and CANCEL.
///
/// Source: rfc.zeromq.org/spec/23 and 37. A command's body is a name, its length before it, and
/// whatever the name says.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace backstage::zmtp {

struct Command {
  enum class Kind : std::uint8_t { ready, error, ping, pong, subscribe, cancel, unknown, broken };
  Kind kind = Kind::broken;
  std::string_view data;  ///< what follows the name, within the body that was given
};
[[nodiscard]] Command parse_command(std::string_view body) noexcept;

/// READY's properties, as far as a server wants to know them.
struct Ready {
  std::string_view socket_type;
  std::string_view identity;
};
/// Nothing: they do not add up. Of a property that comes twice the last counts.
[[nodiscard]] std::optional<Ready> parse_ready(std::string_view data) noexcept;

struct Ping {
  std::chrono::milliseconds ttl{};  ///< the sender is gone after a silence so long; 0: not said
  std::string_view context;         ///< to be given back
};
/// Nothing: it is cut short, or its context longer than the protocol's 16 bytes.
[[nodiscard]] std::optional<Ping> parse_ping(std::string_view data) noexcept;

/// Whole frames, appended to `out`.
void append_ready(std::string& out, std::string_view socket_type);
/// `reason`: of a refusal, the status of ZAP.
void append_error(std::string& out, std::string_view reason);
void append_ping(std::string& out, std::chrono::milliseconds ttl);
void append_pong(std::string& out, std::string_view context);

}  // namespace backstage::zmtp
