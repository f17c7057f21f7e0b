/// What a client may say, as values: one struct per verb, and the variant of them all.
///
/// **Ownership**: the string_views point into the control line that was decoded (or that the
/// composer of the command owns); a Command is valid while that line lives. Subscribe and
/// Unsubscribe own their pattern. Every view has passed the grammar of its field.
///
/// `id` 0 means that the client gave none. Zero, empty and nullopt mean "not given" throughout.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "core/values/pattern.hpp"
#include "daemon/wire/format.hpp"

namespace backstage::wire {

struct Hello {
  std::uint64_t id = 0;
  std::uint32_t version = protocol_version;  ///< the highest that both sides speak
  std::string_view name{};                   ///< empty: the daemon picks `client.<hex>`
  std::string_view resume{};                 ///< token of an earlier session
  std::chrono::seconds ttl{0};               ///< how long the session outlives its connection
  std::chrono::milliseconds heartbeat{0};
  bool verbose = false;    ///< commands without id are answered too, as id 0
  bool one_frame = false;  ///< answers come as `CTL LF payload`
  bool batch = false;      ///< deliveries may come packed

  friend bool operator==(const Hello&, const Hello&) = default;
};

struct Send {
  std::uint64_t id = 0;
  std::string_view actor{};
  std::string_view type{};
  std::string_view from{};  ///< ingest only

  friend bool operator==(const Send&, const Send&) = default;
};

struct Request {
  std::uint64_t id = 0;
  std::string_view actor{};
  std::chrono::milliseconds ttl{0};  ///< 0: the daemon's default deadline
  std::string_view type{};

  friend bool operator==(const Request&, const Request&) = default;
};

struct Publish {
  std::uint64_t id = 0;
  std::string_view actor{};  ///< empty: the sender's own name (`PUB /topic`)
  std::string_view topic{};  ///< never empty
  std::string_view type{};
  std::string_view from{};  ///< ingest only
  bool retain = false;

  friend bool operator==(const Publish&, const Publish&) = default;
};

struct Subscribe {
  std::uint64_t id = 0;
  Pattern pattern;
  std::uint32_t window = 0;    ///< unacknowledged messages in flight, 0: no window
  std::optional<Over> over{};  ///< not given: oldest, or as it was on a repeated SUB
  bool ack = false;
  bool snapshot = false;

  friend bool operator==(const Subscribe&, const Subscribe&) = default;
};

struct Unsubscribe {
  std::uint64_t id = 0;
  Pattern pattern;

  friend bool operator==(const Unsubscribe&, const Unsubscribe&) = default;
};

struct Get {
  std::uint64_t id = 0;
  std::string_view actor{};
  std::string_view topic{};

  friend bool operator==(const Get&, const Get&) = default;
};

struct Ack {
  std::uint64_t id = 0;  ///< names the ERR only: an ACK is never answered
  std::uint64_t sub = 0;
  std::uint64_t seq = 0;
  std::string_view actor{};  ///< of the address that is meant; empty: whatever was delivered
  std::string_view topic{};

  friend bool operator==(const Ack&, const Ack&) = default;
};

struct Ping {
  std::uint64_t id = 0;
  std::string_view token{};

  friend bool operator==(const Ping&, const Ping&) = default;
};

/// The client answers a MSG that carried `rid=`.
struct Reply {
  std::uint64_t id = 0;  ///< names the ERR of a late reply
  std::uint64_t rid = 0;
  std::string_view type{};

  friend bool operator==(const Reply&, const Reply&) = default;
};

/// The client answers a MSG that carried `rid=` with a failure of its own.
struct ReplyError {
  std::uint64_t id = 0;
  std::uint64_t rid = 0;
  std::uint16_t code = 0;  ///< 400 to 599
  std::string_view token{};

  friend bool operator==(const ReplyError&, const ReplyError&) = default;
};

struct Sync {
  std::uint64_t id = 0;
  std::string_view token{};

  friend bool operator==(const Sync&, const Sync&) = default;
};

struct Batch {
  std::uint64_t id = 0;
  std::uint32_t count = 0;

  friend bool operator==(const Batch&, const Batch&) = default;
};

struct Bye {
  std::uint64_t id = 0;

  friend bool operator==(const Bye&, const Bye&) = default;
};

struct Watch {
  std::uint64_t id = 0;
  std::string_view actor{};

  friend bool operator==(const Watch&, const Watch&) = default;
};

struct Unwatch {
  std::uint64_t id = 0;
  std::string_view actor{};

  friend bool operator==(const Unwatch&, const Unwatch&) = default;
};

/// Every verb of the grammar, in the order of `Verb`.
using Command = std::variant<Hello, Send, Request, Publish, Subscribe, Unsubscribe, Get, Ack, Ping,
                             Reply, ReplyError, Sync, Batch, Bye, Watch, Unwatch>;
static_assert(std::variant_size_v<Command> == verb_count);

/// [any]
[[nodiscard]] inline Verb verb_of(const Command& command) noexcept {
  return static_cast<Verb>(command.index());
}
/// 0 when the client gave none. [any]
[[nodiscard]] std::uint64_t id_of(const Command& command) noexcept;
/// REQ and GET: useless to a DEALER without an id, so the gateway refuses them (400 bad_arg); a REQ
/// socket, which gets one answer per message, may leave it out. [any]
[[nodiscard]] bool needs_id(const Command& command) noexcept;

}  // namespace backstage::wire
