/// Handlers: one function and one file per verb; the protocol's table of contents.
///
/// Each executes one decoded command of a session that may use it (dispatch.cpp has checked that)
/// and answers it, or leaves the answer to a reply that will come. All [gateway].
#pragma once
#include "core/values/payload.hpp"
#include "daemon/gateway/session.hpp"
#include "daemon/wire/command.hpp"

namespace backstage::gateway {

void handle_hello(Session& session, const wire::Hello& hello);
void handle_send(Session& session, const wire::Send& send, const Payload& payload);
void handle_req(Session& session, const wire::Request& request, const Payload& payload);
void handle_pub(Session& session, const wire::Publish& publish, const Payload& payload);
void handle_sub(Session& session, const wire::Subscribe& subscribe);
void handle_unsub(Session& session, const wire::Unsubscribe& unsubscribe);
void handle_get(Session& session, const wire::Get& get);
void handle_ping(Session& session, const wire::Ping& ping);
void handle_rep(Session& session, const wire::Reply& reply, const Payload& payload);
void handle_err(Session& session, const wire::ReplyError& error, const Payload& payload);
void handle_sync(Session& session, const wire::Sync& sync);
void handle_bye(Session& session, const wire::Bye& bye);

}  // namespace backstage::gateway
