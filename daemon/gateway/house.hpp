/// House: what all connections, sessions and doors share. References only; owned by the front and
/// the gateway.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/engine.hpp"
#include "daemon/gateway/counters.hpp"
#include "daemon/gateway/deadlines.hpp"
#include "daemon/gateway/events.hpp"
#include "daemon/gateway/options.hpp"
#include "daemon/gateway/pack.hpp"
#include "daemon/gateway/ready_list.hpp"
#include "daemon/gateway/seam.hpp"

namespace backstage::gateway {

/// The sender that is shown for what the daemon itself sends.
inline constexpr std::string_view daemon_name = "backstaged";
[[nodiscard]] constexpr std::string_view shown_sender(std::string_view name) noexcept {
  return name.empty() ? daemon_name : name;
}

class Heartbeats;
class PubDoor;
class Session;
class Sessions;

struct House {
  Engine& engine;
  const Clock& clock;
  const Options& options;
  Events& events;
  Counters& counters;
  ReadyList& ready;
  Transport& transport;
  const BoundEndpoints& endpoints;
  Principals& principals;

  PubDoor* pub = nullptr;            ///< set by the front, which owns it
  Sessions* sessions = nullptr;      ///< likewise
  Heartbeats* heartbeats = nullptr;  ///< likewise
  bool is_draining = false;
  std::vector<PeerId> departed{};    ///< connections to be forgotten
  std::vector<Session*> over{};      ///< sessions to be forgotten
  std::vector<PeerId> collecting{};  ///< whose outboxes are told of the turn's end
  PackBuffers pack_buffers{};
  Deadlines deadlines{};
  // Where a line is written before it goes out; kept for their capacity
  std::string line{};      ///< an answer's
  std::string delivery{};  ///< a delivery's: if that ends the session, an answer follows

  /// When the burst of messages began that is being handled, as far as anybody has asked: what
  /// comes in one read need not each look at the clock.
  [[nodiscard]] TimePoint burst_at() {
    if (!began) began = clock.now();
    return *began;
  }
  std::optional<TimePoint> began{};  ///< forgotten as the burst ends
};

}  // namespace backstage::gateway
