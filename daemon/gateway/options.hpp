/// Options of the gateway: the transports' and its own limits, as plain values that config is
/// mapped to.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

#include "daemon/transport/options.hpp"

namespace backstage::gateway {

using transport::BoundEndpoints;
using transport::CurveOptions;
using transport::Endpoint;
using transport::StartError;

/// With those of who connects.
struct GatewayLimits : transport::Limits {
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
  /// What waits between the engine and `pub`, which never blocks.
  std::uint32_t pub_messages_max = 65'536;
  std::uint64_t pub_bytes_max = 64U << 20U;
};

struct Options : transport::Options {
  std::string epoch;        ///< 8 hex digits, new with each start of the daemon
  unsigned pub_frames = 2;  ///< 1: header LF payload in one frame
  GatewayLimits limits;
};

}  // namespace backstage::gateway
