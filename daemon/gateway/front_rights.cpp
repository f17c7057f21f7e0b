// Front's part in who may what: turning peers away, revoked keys, changed rules.
#include "daemon/gateway/front.hpp"

namespace backstage::gateway {

// Who has proved nothing, whose key is gone, or who speaks too fast. Answered, if true.
bool Front::is_turned_away(Principal& principal, const Peer& peer, InMessage& message) {
  if (!principal.is_current) {
    if (refused_.insert(peer.id).second) {
      house_.events.peer_refused(peer.id, wire::sentence(wire::WireErrc::unauthenticated));
    }
    house_.counters.unauthenticated.add();
    refuse_peer(peer, message, wire::status(wire::WireErrc::unauthenticated), {});
    return true;
  }
  if (!principal.is_remote) return false;
  const auto wait = house_.principals.admit(principal, house_.clock.now());
  if (wait.count() == 0) return false;
  house_.counters.over_rate.add();
  refuse_peer(peer, message, wire::status(wire::WireErrc::rate), {},
              static_cast<std::uint64_t>(wait.count()));
  return true;
}

void Front::revoke(const Principal& principal) {
  std::size_t ended = 0;
  sessions_.for_each([&](Session& session) {
    if (&session.principal() != &principal) return;
    session.end(EndReason::shutdown, wire::status(wire::WireErrc::unauthenticated));
    ++ended;
  });
  house_.events.principal_revoked(principal.user, ended);
}

void Front::apply_rules() {
  std::size_t ended = 0;
  sessions_.for_each([&](Session& session) { ended += session.apply_rules(); });
  house_.counters.forbidden.add(ended);
}

}  // namespace backstage::gateway
