/// Counters of the gateway: written by its thread, read by any.
#pragma once
#include <array>
#include <cstdint>

#include "core/mailbox_parts.hpp"
#include "core/values/errc.hpp"
#include "daemon/transport/counters.hpp"
#include "daemon/wire/status.hpp"

namespace backstage::gateway {

using transport::Counter;

/// With those of the transports below it.
struct Counters : transport::Counters {
  // Now.
  Counter sessions;
  Counter sessions_detached;
  Counter filters;  ///< distinct ones of SUB sockets

  // Since the start.
  Counter sessions_opened;
  Counter messages_out;      ///< to clients, answers and deliveries
  Counter batches_in;        ///< BATCH on cmd and ingest
  Counter batches_out;       ///< of messages_out, packed
  Counter would_block;       ///< sends that had to wait
  Counter sheds;             ///< times that out_bytes_total was passed
  Counter gone;              ///< peers that left
  Counter ignored;           ///< messages to a session that is ending
  Counter err0_suppressed;   ///< errors not told, over the rate
  Counter kicked;            ///< sessions ended as too slow
  Counter refused_peers;     ///< that chose their own routing id
  Counter sessions_refused;  ///< over sessions_max
  Counter late_replies;      ///< that a REQ socket no longer waited for
  Counter detached;          ///< sessions that lost their connection and waited for another
  Counter resumed;           ///< of these, and of those taken over
  Counter resume_expired;    ///< of these, that nobody came for in time
  Counter redelivered;       ///< messages sent again after a resume
  Counter silent;            ///< peers given up for missed heartbeats
  Counter windows_shut;      ///< times that a subscription had to wait for an ACK
  Counter acknowledged;      ///< ACKs that freed something
  Counter published;         ///< messages to pub
  Counter filters_refused;   ///< over filters_max
  Counter ingested;          ///< messages taken in by ingest
  Counter ingest_refused;
  Counter ingest_stalls;
  Counter unauthenticated;  ///< messages whose sender nobody has checked, or whose key is gone
  Counter forbidden;        ///< commands, and subscriptions after a reload, that no rule allows
  Counter over_rate;        ///< messages over a principal's rate
  Counter turns;            ///< of the loop: stands still when the gateway is stuck
  Counter beats;            ///< signs of life it was asked for

  /// What waits for clients, and what of theirs was dropped. [any]
  MailboxTally clients;

  /// Refusals by reason.
  std::array<Counter, errc_count> refused;
  std::array<Counter, wire::wire_errc_count> refused_by_wire;
};

}  // namespace backstage::gateway
