// WATCH and UNWATCH: be told once when who holds a name has ended.
#include "daemon/gateway/handlers.hpp"

namespace backstage::gateway {

void handle_watch(Session& session, const wire::Watch& watch) {
  const bool is_known = session.watches.contains(watch.actor);
  if (!is_known &&
      session.watches.size() >= session.house.options.limits.subscriptions_per_session_max) {
    return session.refuse(watch.id, Errc::subs_full);
  }
  const auto watched = session.context().watch(watch.actor);
  if (!watched && watched.error() == Errc::subs_full) {
    return session.refuse(watch.id, watched.error());
  }
  session.ok({.id = watch.id});
  if (watched) {
    session.watches.emplace(watch.actor);
    return;
  }
  // There is no end to wait for: it is told at once.
  session.say(wire::Down{watch.actor, token(watched.error())});
}

void handle_unwatch(Session& session, const wire::Unwatch& unwatch) {
  const auto known = session.watches.find(unwatch.actor);
  if (known == session.watches.end()) return session.refuse(unwatch.id, Errc::no_sub);
  session.watches.erase(known);
  // What has been told already is in the mailbox, and passed over there.
  (void)session.context().unwatch(unwatch.actor);
  session.ok({.id = unwatch.id});
}

}  // namespace backstage::gateway
