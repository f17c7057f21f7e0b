// REP and ERR: the client answers a MSG that carried `rid=`.
#include <fmt/core.h>

#include <optional>

#include "daemon/gateway/handlers.hpp"

namespace backstage::gateway {
namespace {

// The request behind a rid; each can be answered once, and only while its asker waits.
std::optional<RequestRef> take(Session& session, std::uint64_t rid) {
  const auto found = session.open_requests.find(rid);
  if (found == session.open_requests.end()) return std::nullopt;
  const auto [request, deadline] = found->second;
  session.open_requests.erase(found);
  if (deadline <= session.house.clock.now()) return std::nullopt;
  return request;
}

}  // namespace

void handle_rep(Session& session, const wire::Reply& reply, const Payload& payload) {
  const auto request = take(session, reply.rid);
  if (!request || !session.context().reply(*request, {reply.type, payload})) {
    session.refuse(reply.id, Errc::no_request);
  }
}

void handle_err(Session& session, const wire::ReplyError& error, const Payload& payload) {
  const auto request = take(session, error.rid);
  if (!request) return session.refuse(error.id, Errc::no_request);
  const auto known = wire::find_errc(error.token);
  const auto text = known ? std::string(payload.text())
                          : fmt::format("{} {} {}", error.code, error.token, payload.text());
  if (!session.context().reply_error(*request, known.value_or(Errc::actor_failed), text)) {
    session.refuse(error.id, Errc::no_request);
  }
}

}  // namespace backstage::gateway
