/// Events: what the gateway tells the process, which logs it and decides. Its only outward arrow.
#pragma once
#include <chrono>
#include <string_view>

#include "core/actor.hpp"
#include "daemon/gateway/seam.hpp"
#include "daemon/transport/events.hpp"
#include "daemon/wire/status.hpp"

namespace backstage::gateway {

/// With what the transports tell. Calls must not block, throw, or call the gateway. Views are
/// borrowed. All [gateway].
class Events : public transport::Events {
 public:
  virtual void session_opened(std::string_view name, const Peer& peer) noexcept = 0;
  /// Its connection is lost; it waits for another.
  virtual void session_detached(std::string_view name, std::chrono::seconds within) noexcept = 0;
  virtual void session_resumed(std::string_view name, const Peer& peer) noexcept = 0;
  virtual void session_ended(std::string_view name, EndReason reason) noexcept = 0;
  /// A connection is not served; `why` is a sentence. At most once for each peer.
  virtual void peer_refused(PeerId peer, std::string_view why) noexcept = 0;
  /// Nobody is told but you: ingest has no answers. `what` is the control line or a part of it.
  virtual void ingest_refused(wire::Status status, std::string_view what) noexcept = 0;
  /// `target` is full; all of ingest waits for it.
  virtual void ingest_stalled(std::string_view target) noexcept = 0;
  virtual void ingest_resumed() noexcept = 0;
  /// A filter of a SUB socket beyond filters_max gets nothing.
  virtual void filter_refused(std::string_view filter) noexcept = 0;
  /// What was connected as `user` has been ended: its key is no longer authorised.
  virtual void principal_revoked(std::string_view user, std::size_t sessions) noexcept = 0;
};

}  // namespace backstage::gateway
