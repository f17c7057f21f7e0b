/// What the daemon says to a client, as values: one struct per message, and how a client reads
/// them.
///
/// The daemon fills these and calls `encode`; clients and tests call `read_answer`.
/// **Ownership**: string_views are borrowed from whoever filled the struct, or from the line that
/// was read; they must outlive the struct.
#pragma once
#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <variant>

#include "daemon/wire/format.hpp"
#include "daemon/wire/status.hpp"

namespace backstage::wire {

struct Welcome {
  std::uint32_t version = protocol_version;
  std::string_view name{};
  std::string_view session{};     ///< secret token of this session
  std::string_view epoch{};       ///< of this start of the daemon
  std::uint64_t last_id = 0;      ///< highest id the session has answered, 0: none
  std::uint64_t max_payload = 0;  ///< bytes
  std::uint32_t window = 0;       ///< messages; 0: no windows
  std::string_view pub{};         ///< endpoints; bytes outside 0x21..0x7e are written %XX
  std::string_view ingest{};

  friend bool operator==(const Welcome&, const Welcome&) = default;
};

struct Ok {
  std::uint64_t id = 0;
  std::optional<std::uint64_t> sub{};   ///< SUB: number of the subscription
  std::optional<std::uint64_t> seq{};   ///< SUB of one address: messages with a higher seq follow
  std::optional<std::uint64_t> n{};     ///< PUB: deliveries offered
  std::optional<std::uint64_t> full{};  ///< PUB: of these, refused by a full mailbox
  bool dup = false;                     ///< an id answered before: this is that answer again

  friend bool operator==(const Ok&, const Ok&) = default;
};

struct Err {
  std::uint64_t id = 0;
  Status status{};
  std::optional<std::uint64_t> retry_ms{};   ///< wait this long before trying again
  std::optional<std::uint32_t> supported{};  ///< 505: the version to ask for
  std::optional<std::uint64_t> sub{};        ///< 403: this subscription is over
  bool dup = false;

  friend bool operator==(const Err&, const Err&) = default;
};

/// Payload follows.
struct Rep {
  std::uint64_t id = 0;
  std::string_view type{};

  friend bool operator==(const Rep&, const Rep&) = default;
};

/// Payload follows.
struct Val {
  std::uint64_t id = 0;
  std::string_view address{};
  std::uint64_t seq = 0;
  std::string_view sender{};
  std::string_view type{};

  friend bool operator==(const Val&, const Val&) = default;
};

/// Payload follows.
struct Msg {
  std::uint64_t sub = 0;       ///< 0: to this client's own name
  std::string_view address{};  ///< `actor/topic`; for sub 0 the client's name
  std::uint64_t seq = 0;       ///< 0 for sub 0
  std::string_view sender{};
  std::string_view type{};
  std::uint64_t rid = 0;  ///< not 0: answer it with REP or ERR
  bool snapshot = false;  ///< the retained value asked for by snap=1
  bool redelivered = false;

  friend bool operator==(const Msg&, const Msg&) = default;
};

/// `first` to `last` of `address` will not come on this subscription.
struct Gap {
  std::uint64_t sub = 0;
  std::string_view address{};
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  GapReason reason = GapReason::slow;

  friend bool operator==(const Gap&, const Gap&) = default;
};

struct Pong {
  std::string_view epoch{};
  std::uint64_t subs = 0;    ///< subscriptions the session holds
  std::string_view token{};  ///< as in the PING

  friend bool operator==(const Pong&, const Pong&) = default;
};

/// The daemon asks for a sign of life: any message will do.
struct Heartbeat {
  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};

/// The session is over.
struct Farewell {
  Status status{};

  friend bool operator==(const Farewell&, const Farewell&) = default;
};

/// The daemon is stopping and will say BYE within this time.
struct Draining {
  std::chrono::milliseconds within{0};

  friend bool operator==(const Draining&, const Draining&) = default;
};

/// A watched actor has ended.
struct Down {
  std::string_view actor{};
  std::string_view reason{};

  friend bool operator==(const Down&, const Down&) = default;
};

/// Payload follows: so many answers and deliveries, in order, as BatchReader reads them.
struct Packed {
  std::uint32_t count = 0;

  friend bool operator==(const Packed&, const Packed&) = default;
};

using Answer = std::variant<Welcome, Ok, Err, Rep, Val, Msg, Gap, Pong, Heartbeat, Farewell,
                            Draining, Down, Packed>;

/// Whether a payload frame follows the line, be it empty. ERR may have one (text for people), the
/// others never. [any]
[[nodiscard]] bool has_payload(const Answer& answer) noexcept;

/// Takes one control line from the daemon. Keys it does not know are ignored, as clients must.
/// Errors: a sentence saying what is wrong with the line, valid as long as the program. [any]
[[nodiscard]] std::expected<Answer, std::string_view> read_answer(std::string_view control);

/// First frame of a message on `pub`: `addr|seq|epoch|sender`.
struct PubHeader {
  std::string_view address{};
  std::uint64_t seq = 0;
  std::string_view epoch{};
  std::string_view sender{};

  friend bool operator==(const PubHeader&, const PubHeader&) = default;
};

/// Errors: as read_answer. [any]
[[nodiscard]] std::expected<PubHeader, std::string_view> read_pub_header(std::string_view frame);

}  // namespace backstage::wire
