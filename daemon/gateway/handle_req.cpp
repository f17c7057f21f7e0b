// REQ: ask an actor. Its answer, or the engine's error, comes through the session's mailbox.
#include "daemon/gateway/handlers.hpp"

namespace backstage::gateway {

void handle_req(Session& session, const wire::Request& request, const Payload& payload) {
  auto context = session.context();
  const auto actor = context.resolve(request.actor);
  if (!actor) return session.refuse(request.id, actor.error());
  const Duration deadline =
      request.ttl.count() == 0 ? Duration{request_deadline_default} : Duration{request.ttl};
  const auto asked = context.request(*actor, {request.type, payload}, deadline);
  if (!asked) return session.refuse(request.id, asked.error());
  session.asked.emplace(*asked, Session::Asked{request.id, session.turn()});
}

}  // namespace backstage::gateway
