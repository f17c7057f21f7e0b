// Session's door for messages: frames -> command -> may it? -> handle_<verb>.
#include <array>
#include <string>
#include <utility>

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
  return verb == wire::Verb::hello || verb == wire::Verb::ping || verb == wire::Verb::bye;
}

// Verbs whose answers, or whose cause, a REQ socket could never receive.
bool needs_dealer(wire::Verb verb) noexcept {
  return verb == wire::Verb::sub || verb == wire::Verb::unsub || verb == wire::Verb::rep ||
         verb == wire::Verb::err;
}

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

}  // namespace

void Session::on_message(InMessage& message) {
  if (state_ != State::fresh && state_ != State::active) {
    house.counters.ignored.add();
    return;
  }
  ++turn_;
  is_answered_ = false;
  const auto parts = wire::split(message.frames());
  if (!parts) return refuse(parts.error().id, parts.error().status, parts.error().text);
  const auto command = wire::decode(parts->control);
  if (!command) return refuse(command.error().id, command.error().status, command.error().text);
  if (is_refused(*command, parts->payload.size()) || !is_ready_for(*command)) return;
  // Held until the command is done: the control line may lie in the same frame.
  Payload payload;
  if (!parts->payload.empty()) {
    payload = message.take(parts->payload_frame, parts->payload_offset);
  }
  dispatch(*command, payload);
}

// What is wrong with the command whatever the engine says. Refused if true.
bool Session::is_refused(const wire::Command& command, std::size_t payload_bytes) {
  const auto id = wire::id_of(command);
  const auto verb = wire::verb_of(command);
  if (const auto reserved = wire::reserved_part(command); !reserved.empty()) {
    refuse(id, Errc::unsupported,
           std::string(reserved) + " is reserved: this release does not offer it");
    return true;
  }
  if (is_lockstep() && needs_dealer(verb)) {
    refuse(id, wire::WireErrc::needs_dealer);
    return true;
  }
  if (id == 0 && wire::needs_id(command) && !is_lockstep()) {
    refuse(id, Errc::bad_arg,
           std::string(wire::text(verb)) +
               " needs an id, to name its answer; write: " + std::string(wire::usage(verb)));
    return true;
  }
  if (payload_bytes > house.options.limits.payload_bytes_max) {
    refuse(id, Errc::too_large);
    return true;
  }
  if (house.is_draining && is_work(verb)) {
    refuse(id, Errc::stopping);
    return true;
  }
  return false;
}

// Begins an anonymous session if the command needs one. Refused if false.
bool Session::is_ready_for(const wire::Command& command) {
  if (has_cell() || needs_no_session(wire::verb_of(command))) return true;
  const auto id = wire::id_of(command);
  if (needs_hello_) {
    refuse(id, wire::WireErrc::hello_required);
    return false;
  }
  const auto opened = open({});
  if (!opened) refuse(id, opened.error());
  return opened.has_value();
}

void Session::dispatch(const wire::Command& command, const Payload& payload) {
  std::visit(Overloaded{
                 [this](const wire::Hello& hello) { handle_hello(*this, hello); },
                 [&](const wire::Send& send) { handle_send(*this, send, payload); },
                 [&](const wire::Request& request) { handle_req(*this, request, payload); },
                 [&](const wire::Publish& publish) { handle_pub(*this, publish, payload); },
                 [this](const wire::Subscribe& subscribe) { handle_sub(*this, subscribe); },
                 [this](const wire::Unsubscribe& unsubscribe) { handle_unsub(*this, unsubscribe); },
                 [this](const wire::Get& get) { handle_get(*this, get); },
                 [this](const wire::Ping& ping) { handle_ping(*this, ping); },
                 [&](const wire::Reply& reply) { handle_rep(*this, reply, payload); },
                 [&](const wire::ReplyError& error) { handle_err(*this, error, payload); },
                 [this](const wire::Sync& sync) { handle_sync(*this, sync); },
                 [this](const wire::Bye& bye) { handle_bye(*this, bye); },
                 // Refused as reserved before.
                 [this](const wire::Ack& ack) { refuse(ack.id, Errc::unsupported); },
                 [this](const wire::Batch& batch) { refuse(batch.id, Errc::unsupported); },
                 [this](const wire::Watch& watch) { refuse(watch.id, Errc::unsupported); },
                 [this](const wire::Unwatch& unwatch) { refuse(unwatch.id, Errc::unsupported); },
             },
             command);
}

}  // namespace backstage::gateway
