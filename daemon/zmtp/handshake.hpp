/// Handshake: what is said before the first message. Greeting, mechanism NULL, READY.
///
/// Source: rfc.zeromq.org/spec/23, sections "Greeting" and "NULL security mechanism". A client may
/// wait for our signature before it goes on, and waits for our whole greeting before READY; we say
/// greeting() at once, and READY after the client's.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace backstage::zmtp {

inline constexpr std::size_t greeting_bytes = 64;
/// READY with its properties, of which a client may add its own.
inline constexpr std::size_t ready_bytes_max = 4'096;

/// What the server says first: ZMTP 3.1, NULL.
[[nodiscard]] std::string_view greeting() noexcept;

class Handshake {
 public:
  enum class State : std::uint8_t {
    open,     ///< more is to come
    done,     ///< messages follow
    refused,  ///< why() says why; nothing more is to be read
  };

  /// Reads on from the front of `bytes`, which begin where the last call stopped. Returns how many
  /// were used; the rest is to be given again with more behind it, or is what follows the
  /// handshake.
  [[nodiscard]] std::size_t read(std::string_view bytes);

  [[nodiscard]] State state() const noexcept { return state_; }
  /// A sentence without its end.
  [[nodiscard]] std::string_view why() const noexcept { return why_; }
  /// The greeting has come: READY may be said.
  [[nodiscard]] bool is_greeted() const noexcept { return is_greeted_; }
  /// Of done: the client answers PING.
  [[nodiscard]] bool has_heartbeats() const noexcept { return has_heartbeats_; }
  /// Of done: `DEALER`, `REQ` and so on, as the client says.
  [[nodiscard]] const std::string& socket_type() const noexcept { return socket_type_; }
  /// Of done: the client has set a routing id of its own.
  [[nodiscard]] bool has_identity() const noexcept { return has_identity_; }

 private:
  [[nodiscard]] std::size_t read_greeting(std::string_view bytes);
  [[nodiscard]] std::size_t read_ready(std::string_view bytes);
  std::size_t refuse(std::string_view why) noexcept;

  State state_ = State::open;
  bool is_greeted_ = false;
  bool has_heartbeats_ = false;
  bool has_identity_ = false;
  std::string_view why_;
  std::string socket_type_;
};

}  // namespace backstage::zmtp
