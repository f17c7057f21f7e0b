/// ZAP: libzmq's question about a new connection, and the answer. Pure.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "daemon/policy/authorized_keys.hpp"

namespace backstage::policy {

/// Which of the daemon's sockets.
enum class Door : std::uint8_t { cmd, pub, ingest };
inline constexpr std::size_t door_count = 3;
/// The ZAP domain of a door's socket.
[[nodiscard]] std::string_view domain_of(Door door) noexcept;

/// What is known of a connection that wants in.
struct Candidate {
  Door door = Door::cmd;
  std::string user;     ///< the principal it would be
  std::string address;  ///< as libzmq tells it
};

struct ZapVerdict {
  /// "200" come in, "300" try again later, "400" no, "500" the question makes no sense.
  std::string_view status = "400";
  std::string user;           ///< of 200
  std::string why;            ///< of all others: a sentence
  std::string who;            ///< of all others: address, mechanism and public key, for the log
  std::string id;             ///< of the question, to be given back
  bool is_answerable = true;  ///< false: there is not even an id
};

struct ZapRules {
  const AuthorizedKeys& keys;
  /// Whether connections from other machines may come in without a key: the operator says so.
  bool allows_remote_plaintext = false;
  /// A last word about somebody who has proved who they are: why not, or nothing. `is_for_now`:
  /// they may try again.
  struct Objection {
    std::string why;
    bool is_for_now = false;
  };
  std::function<std::optional<Objection>(const Candidate&)> objection;
};

/// Judges a request's frames after the delimiter: version, id, domain, address, routing id,
/// mechanism, credentials. [any]
[[nodiscard]] ZapVerdict check_zap(std::span<const std::string_view> frames, const ZapRules& rules);

/// Judges a plain connection about which there is no question: `address` as libzmq would tell it,
/// an IP address or `localhost:uid:gid:pid`. [any]
[[nodiscard]] ZapVerdict check_plain(Door door, std::string_view address, const ZapRules& rules);

/// Who a plain connection is about which libzmq does not ask, by its peer's address: `tcp:local`,
/// or nobody (empty). [any]
[[nodiscard]] std::string_view user_unasked(std::string_view address) noexcept;

/// Whether a principal may be on another machine: it is held to rates and numbers. [any]
[[nodiscard]] constexpr bool is_remote(std::string_view user) noexcept {
  return !user.starts_with("unix:") && user != "tcp:local";
}

}  // namespace backstage::policy
