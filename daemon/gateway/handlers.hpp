/// Handlers: one function and one file per verb; the protocol's table of contents.
///
/// Each executes one decoded command of a client that may use it (dispatch.cpp has checked that)
/// and answers it, or leaves the answer to a reply that will come. All [gateway].
#pragma once
#include "core/values/payload.hpp"
#include "daemon/gateway/session.hpp"
#include "daemon/wire/command.hpp"

namespace backstage::gateway {

// On a connection that may have no session.
void handle_hello(Connection& connection, const wire::Hello& hello);
void handle_ping(Connection& connection, const wire::Ping& ping);
void handle_bye(Connection& connection, const wire::Bye& bye);
void handle_batch(Connection& connection, const wire::Batch& batch, const Payload& payload);

void handle_send(Session& session, const wire::Send& send, const Payload& payload);
void handle_req(Session& session, const wire::Request& request, const Payload& payload);
void handle_pub(Session& session, const wire::Publish& publish, const Payload& payload);
void handle_sub(Session& session, const wire::Subscribe& subscribe);
void handle_unsub(Session& session, const wire::Unsubscribe& unsubscribe);
void handle_ack(Session& session, const wire::Ack& ack);
void handle_get(Session& session, const wire::Get& get);
void handle_rep(Session& session, const wire::Reply& reply, const Payload& payload);
void handle_err(Session& session, const wire::ReplyError& error, const Payload& payload);
void handle_sync(Session& session, const wire::Sync& sync);
void handle_watch(Session& session, const wire::Watch& watch);
void handle_unwatch(Session& session, const wire::Unwatch& unwatch);
/// A watched actor has ended, for `reason`. False: not taken, it is to come again.
[[nodiscard]] bool handle_down(Session& session, ActorId who, std::string_view reason);

}  // namespace backstage::gateway
