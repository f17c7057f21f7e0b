// Connection's door for messages: frames -> command -> may it? -> handle_<verb>.
#include <array>
#include <string>
#include <utility>

#include "daemon/gateway/command_rights.hpp"
#include "daemon/gateway/handlers.hpp"
#include "daemon/gateway/session.hpp"

namespace backstage::gateway {
namespace {

// New work, which a stopping daemon does not take.
bool is_work(wire::Verb verb) noexcept {
  return verb == wire::Verb::send || verb == wire::Verb::req || verb == wire::Verb::pub ||
         verb == wire::Verb::sub;
}

// Verbs that make sense on a connection without a session, and do not begin one.
bool needs_no_session(wire::Verb verb) noexcept {
  return verb == wire::Verb::hello || verb == wire::Verb::ping || verb == wire::Verb::bye ||
         verb == wire::Verb::batch;
}

// Verbs whose answers, or whose cause, a REQ socket could never receive.
bool needs_dealer(wire::Verb verb) noexcept {
  return verb == wire::Verb::sub || verb == wire::Verb::unsub || verb == wire::Verb::rep ||
         verb == wire::Verb::err || verb == wire::Verb::ack || verb == wire::Verb::batch ||
         verb == wire::Verb::watch || verb == wire::Verb::unwatch;
}

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

}  // namespace

bool Connection::is_listening() const noexcept {
  const bool is_ending = session_ != nullptr && session_->state() != Session::State::active;
  return state_ == State::open && !is_ending;
}

void Connection::on_message(InMessage& message) {
  if (heartbeat_ != nullptr) on_sign_of_life();
  if (!is_listening()) {
    house.counters.ignored.add();
    return;
  }
  ++turn_;
  is_answered_ = false;
  execute(message);
}

void Connection::execute(InMessage& message) {
  const auto parts = wire::split(message.frames());
  if (!parts) return refuse(parts.error().id, parts.error().status, parts.error().text);
  if (const wire::Command* const known = last_line_.find(parts->control)) {
    return execute(*known, *parts, message);
  }
  const auto command = wire::decode(parts->control);
  if (!command) return refuse(command.error().id, command.error().status, command.error().text);
  last_line_.note(parts->control, *command);
  execute(*command, *parts, message);
}

void Connection::execute(const wire::Command& command, const wire::Message& parts,
                         InMessage& message) {
  if (is_refused(command, parts.payload.size())) return;
  if (is_forbidden(command, message) || !is_ready_for(command)) return;
  // Held until the command is done: the control line may lie in the same frame.
  Payload payload;
  if (!parts.payload.empty()) {
    payload = message.take(parts.payload_frame, parts.payload_offset);
  }
  dispatch(command, payload);
}

// What is wrong with the command whatever the engine says. Refused if true.
bool Connection::is_refused(const wire::Command& command, std::size_t payload_bytes) {
  const auto verb = wire::verb_of(command);
  if (is_lockstep() && needs_dealer(verb)) {
    refuse(wire::id_of(command), wire::WireErrc::needs_dealer);
    return true;
  }
  if (wire::needs_id(command) && wire::id_of(command) == 0 && !is_lockstep()) {
    refuse(0, Errc::bad_arg,
           std::string(wire::text(verb)) +
               " needs an id, to name its answer; write: " + std::string(wire::usage(verb)));
    return true;
  }
  // A batch is as large as a message may be at all; each of its entries is looked at by itself.
  if (payload_bytes > house.options.limits.payload_bytes_max && verb != wire::Verb::batch) {
    refuse(wire::id_of(command), Errc::too_large);
    return true;
  }
  if (house.is_draining && is_work(verb)) {
    refuse(wire::id_of(command), Errc::stopping);
    return true;
  }
  return false;
}

// Whether who it is may not do that. Refused if true. Who it is was checked with the connection's
// first message, and is again where a session begins.
bool Connection::is_forbidden(const wire::Command& command, const InMessage& message) {
  if (wire::verb_of(command) == wire::Verb::hello && message.user_id() != peer_.user_id) {
    house.counters.unauthenticated.add();
    refuse(wire::id_of(command), wire::WireErrc::unauthenticated);
    return true;
  }
  const std::string_view name = session_ == nullptr ? std::string_view{} : session_->name();
  if (may(principal_.rights, command, name)) return false;
  house.counters.forbidden.add();
  refuse(wire::id_of(command), wire::WireErrc::forbidden);
  return true;
}

// Begins an anonymous session if the command needs one. Refused if false.
bool Connection::is_ready_for(const wire::Command& command) {
  if (session_ != nullptr || needs_no_session(wire::verb_of(command))) return true;
  const auto id = wire::id_of(command);
  if (needs_hello_) {
    refuse(id, wire::WireErrc::hello_required);
    return false;
  }
  return open_session(id, {});
}

void Connection::dispatch(const wire::Command& command, const Payload& payload) {
  if (const auto* hello = std::get_if<wire::Hello>(&command)) return handle_hello(*this, *hello);
  if (const auto* ping = std::get_if<wire::Ping>(&command)) return handle_ping(*this, *ping);
  if (const auto* bye = std::get_if<wire::Bye>(&command)) return handle_bye(*this, *bye);
  if (const auto* batch = std::get_if<wire::Batch>(&command)) {
    return handle_batch(*this, *batch, payload);
  }
  Session& session = *session_;
  std::visit(Overloaded{
                 [&](const wire::Send& send) { handle_send(session, send, payload); },
                 [&](const wire::Request& request) { handle_req(session, request, payload); },
                 [&](const wire::Publish& publish) { handle_pub(session, publish, payload); },
                 [&](const wire::Subscribe& subscribe) { handle_sub(session, subscribe); },
                 [&](const wire::Unsubscribe& unsubscribe) { handle_unsub(session, unsubscribe); },
                 [&](const wire::Ack& ack) { handle_ack(session, ack); },
                 [&](const wire::Get& get) { handle_get(session, get); },
                 [&](const wire::Reply& reply) { handle_rep(session, reply, payload); },
                 [&](const wire::ReplyError& error) { handle_err(session, error, payload); },
                 [&](const wire::Sync& sync) { handle_sync(session, sync); },
                 [&](const wire::Watch& watch) { handle_watch(session, watch); },
                 [&](const wire::Unwatch& unwatch) { handle_unwatch(session, unwatch); },
                 // Done above.
                 [](const wire::Hello&) {}, [](const wire::Ping&) {}, [](const wire::Bye&) {},
                 [](const wire::Batch&) {},
                 // Refused as reserved before.
             },
             command);
}

}  // namespace backstage::gateway
