// SYNC: a mark on `pub`, so that a SUB socket knows that its filters are in place.
#include "daemon/gateway/handlers.hpp"
#include "daemon/gateway/pub_door.hpp"

namespace backstage::gateway {

void handle_sync(Session& session, const wire::Sync& sync) {
  House& house = session.house;
  if (house.endpoints.pub.empty()) {
    return session.refuse(sync.id, Errc::unsupported,
                          "this daemon has no pub endpoint; configure one under gateway.pub");
  }
  house.pub->sync(sync.token);
  session.ok({.id = sync.id});
}

}  // namespace backstage::gateway
