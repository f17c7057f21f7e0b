// HELLO: open a session, under a name if the client wants one, or resume one.
#include <fmt/core.h>

#include <string>

#include "daemon/gateway/handlers.hpp"
#include "daemon/gateway/sessions.hpp"

namespace backstage::gateway {
namespace {

std::string_view first(const std::vector<std::string>& endpoints) noexcept {
  return endpoints.empty() ? std::string_view{} : std::string_view{endpoints.front()};
}

// What is wrong with it, as a sentence; empty: nothing.
std::string conflict_of(const Connection& connection, const wire::Hello& hello) {
  const Session* const known = connection.session();
  if (known == nullptr) return {};
  if (hello.resume.empty() && !hello.name.empty() && hello.name != known->name()) {
    return fmt::format(
        "this connection's session is {} already; send HELLO name= first on a connection, or BYE "
        "before it",
        known->name());
  }
  if (!hello.resume.empty() && hello.resume != known->token() && known->has_said_hello()) {
    return fmt::format(
        "this connection's session is {} already; send HELLO resume= first on a connection, or BYE "
        "before it",
        known->name());
  }
  // With its own token it is the same question.
  const bool is_elsewhere = !hello.resume.empty() && hello.resume != known->token();
  if (!is_elsewhere && hello.ttl.count() != 0 && !known->is_kept() &&
      !known->subscriptions.empty()) {
    return "ttl= comes too late: nobody has kept books of what this session's subscriptions have "
           "brought; send HELLO ttl= before the first SUB";
  }
  return {};
}

// Null: refused, and told so.
Session* resume(Connection& connection, const wire::Hello& hello) {
  Session* const session = connection.house.sessions->find_for(hello.resume, connection.peer());
  if (session == nullptr) {
    connection.refuse(hello.id, wire::WireErrc::no_session);
    return nullptr;
  }
  if (!hello.name.empty() && hello.name != session->name()) {
    connection.refuse(hello.id, Errc::bad_arg,
                      fmt::format("that session's name is {}; leave name= out, or give that one",
                                  session->name()));
    return nullptr;
  }
  // What this connection said before it said who it is was said in a session of its own.
  if (Session* implicit = connection.session()) implicit->give_way();
  session->resume_on(connection);
  return session;
}

}  // namespace

void handle_hello(Connection& connection, const wire::Hello& hello) {
  const House& house = connection.house;
  const bool outlives = !hello.resume.empty() || hello.ttl.count() != 0;
  if (connection.is_lockstep() && (outlives || hello.heartbeat.count() != 0)) {
    return connection.refuse(hello.id, wire::WireErrc::needs_dealer);
  }
  if (const auto conflict = conflict_of(connection, hello); !conflict.empty()) {
    return connection.refuse(hello.id, Errc::bad_arg, conflict);
  }
  Session* session = connection.session();
  const bool is_own = session != nullptr && hello.resume == session->token();
  const bool resumes = !hello.resume.empty() && !is_own;
  if (resumes) {
    session = resume(connection, hello);
    if (session == nullptr) return;
  } else if (session == nullptr) {
    if (!connection.open_session(hello.id, hello.name)) return;
    session = connection.session();
  }
  session->on_hello();
  session->set_ttl(hello.ttl);
  connection.set_wishes({.verbose = hello.verbose,
                         .one_frame = hello.one_frame,
                         .batch = hello.batch,
                         .heartbeat = hello.heartbeat});
  connection.say(wire::Welcome{.version = hello.version,
                               .name = session->name(),
                               .session = session->token(),
                               .epoch = house.options.epoch,
                               .last_id = session->last_id(),
                               .max_payload = house.options.limits.payload_bytes_max,
                               .window = window_default,
                               .pub = first(house.endpoints.pub),
                               .ingest = first(house.endpoints.ingest)});
  if (resumes) session->begin_replay();
}

}  // namespace backstage::gateway
