/// Options of the gateway: endpoints and limits, as plain values that config is mapped to.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/values/limits.hpp"
#include "daemon/policy/acl.hpp"
#include "daemon/policy/authorized_keys.hpp"
#include "daemon/policy/secret_key.hpp"

namespace backstage::gateway {

struct Endpoint {
  std::string address;        ///< tcp://127.0.0.1:7770 (port `*`: any free one) or ipc:///path
  std::uint32_t mode = 0600;  ///< ipc: permissions of the socket
  std::string group = {};     ///< ipc: its group by name; empty: the process's own
  bool is_curve = false;      ///< encrypted, and only for those whose key is authorised
};

/// What CURVE needs.
struct CurveOptions {
  /// Shared by copies of the options, which is once more than it should be: one secret, one page.
  std::shared_ptr<const policy::SecretKey> secret;  ///< null: no endpoint may be CURVE
  policy::AuthorizedKeys keys;                      ///< at the start; see Gateway::set_keys
};

struct GatewayLimits {
  std::uint64_t payload_bytes_max = backstage::payload_bytes_max;
  std::uint32_t sessions_max = 1'000;
  std::uint32_t subscriptions_per_session_max = 1'000;
  /// A session's mailbox: what waits for a client that takes slowly.
  std::uint32_t session_messages_max = 1'000;
  std::uint64_t session_bytes_max = 8U << 20U;
  /// What waits for all clients together, each message's envelope counted with its payload. Over it
  /// the session that has most gives up its oldest published messages.
  std::uint64_t waiting_bytes_max = 256U << 20U;
  /// Answers that wait while the transport would block. Over it the session ends: a client that
  /// sends commands and never reads.
  std::uint32_t outbox_entries_max = 4'096;
  /// ERR to commands without id: enough to be noticed, too few to be a flood.
  std::uint32_t plain_errors_per_second = 10;
  /// Ruling 11: SEND and PUB answers a named session keeps for repeated ids.
  std::uint32_t answers_kept = 1'024;
  /// Longest time that a session waits for another connection, whatever it asks for.
  std::chrono::seconds resume_ttl_max{300};
  /// Addresses of which a session with ttl= remembers what it was sent. One with more is not kept.
  std::uint32_t resume_addresses_max = 65'536;
  /// Requests a client may leave unanswered.
  std::uint32_t open_requests_max = 4'096;
  /// Distinct filters of SUB sockets that are served.
  std::uint32_t filters_max = 20'000;
  /// What waits between the engine and `pub`, which never blocks.
  std::uint32_t pub_messages_max = 65'536;
  std::uint64_t pub_bytes_max = 64U << 20U;
  /// Connections at all doors together; more wait outside until some leave.
  std::uint32_t connections_max = 1'024;
  // Of one remote principal: who shares this machine is trusted with it.
  std::uint32_t connections_per_principal_max = 16;
  std::uint32_t messages_per_second_max = 10'000;  ///< 0: no limit
  std::uint32_t subscriptions_per_principal_max = 1'000;
};

struct Options {
  std::vector<Endpoint> cmd;
  std::vector<Endpoint> pub;     ///< empty: no such door
  std::vector<Endpoint> ingest;  ///< empty: no such door
  std::string epoch;             ///< 8 hex digits, new with each start of the daemon
  unsigned pub_frames = 2;       ///< 1: header LF payload in one frame
  /// Endpoints without CURVE are libzmq's too; else the daemon speaks ZMTP there itself.
  bool is_plain_by_libzmq = false;
  unsigned io_threads = 1;  ///< libzmq's
  // What the transport itself may hold, in messages for each peer; fixed when sockets are made.
  std::uint32_t cmd_send_messages_max = 256;  ///< before the session's mailbox fills
  std::uint32_t cmd_receive_messages_max = 1'000;
  std::uint32_t pub_send_messages_max = 10'000;  ///< before a slow SUB socket misses some
  std::uint32_t ingest_receive_messages_max = 1'000;
  /// A tcp endpoint beyond loopback without CURVE is refused unless this says that it is meant.
  bool allow_remote_plaintext = false;
  CurveOptions curve;
  std::vector<policy::Rule> acl;         ///< at the start; see Gateway::set_rules
  std::optional<std::uint32_t> own_uid;  ///< trusted on ipc, as root is; nothing: the process's
  GatewayLimits limits;
};

/// The endpoints in use, ports filled in.
struct BoundEndpoints {
  std::vector<std::string> cmd;
  std::vector<std::string> pub;
  std::vector<std::string> ingest;
};

/// Why the gateway could not start. Nothing of it is left running.
struct StartError {
  std::string endpoint;  ///< empty: not about one
  int code = 0;          ///< errno
  std::string text;      ///< what, why, and what to do
};

}  // namespace backstage::gateway
