// REQ: ask an actor. Its answer, or the engine's error, comes through the session's mailbox.
#include "daemon/gateway/handlers.hpp"

namespace backstage::gateway {

void handle_req(Session& session, const wire::Request& request, const Payload& payload) {
  auto context = session.context();
  const auto actor = session.resolve(request.actor);
  if (!actor) return session.refuse(request.id, actor.error());
  const Duration deadline =
      request.ttl.count() == 0 ? Duration{request_deadline_default} : Duration{request.ttl};
  House& house = session.house;
  const TimePoint now = house.burst_at();
  const bool is_ours = house.deadlines.takes(now + deadline);
  const auto asked = context.request(*actor, {request.type, payload},
                                     {.deadline = deadline, .asked_at = now, .is_timed = !is_ours});
  if (!asked) return session.refuse(request.id, asked.error());
  const auto number = is_ours ? house.deadlines.add(now + deadline, {context.self(), *asked}) : 0;
  session.asked.emplace(*asked, Session::Asked{request.id, session.turn(), number});
}

}  // namespace backstage::gateway
