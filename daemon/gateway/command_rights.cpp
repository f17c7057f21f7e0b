#include "daemon/gateway/command_rights.hpp"

#include <string>
#include <variant>

namespace backstage::gateway {
namespace {

using policy::Right;

// A session without a name gets one of these when its first command has been judged.
constexpr std::string_view any_nameless = "client.0";

std::string address(std::string_view actor, std::string_view topic) {
  return std::string(actor).append(1, '/').append(topic);
}

struct Judge {
  const policy::Rights& rights;
  std::string_view session_name;

  bool operator()(const wire::Hello& hello) const {
    return hello.name.empty() || rights.allows(Right::name, hello.name);
  }
  bool operator()(const wire::Send& send) const {
    return may_reach(rights, Right::send, send.actor);
  }
  bool operator()(const wire::Request& request) const {
    return may_reach(rights, Right::req, request.actor);
  }
  bool operator()(const wire::Publish& publish) const {
    const auto own = session_name.empty() ? any_nameless : session_name;
    return rights.allows(Right::pub,
                         address(publish.actor.empty() ? own : publish.actor, publish.topic));
  }
  bool operator()(const wire::Subscribe& subscribe) const {
    return rights.allows(Right::sub, subscribe.pattern.text());
  }
  bool operator()(const wire::Get& get) const {
    return rights.allows(Right::get, address(get.actor, get.topic));
  }
  bool operator()(const wire::Sync& /*sync*/) const { return rights.allows(Right::sync); }
  bool operator()(const wire::Watch& watch) const {
    return rights.allows(Right::watch, watch.actor);
  }
  // About their own session only, or (BATCH) about nothing of themselves.
  bool operator()(const wire::Unsubscribe& /*unsubscribe*/) const { return true; }
  bool operator()(const wire::Ack& /*ack*/) const { return true; }
  bool operator()(const wire::Ping& /*ping*/) const { return true; }
  bool operator()(const wire::Reply& /*reply*/) const { return true; }
  bool operator()(const wire::ReplyError& /*error*/) const { return true; }
  bool operator()(const wire::Batch& /*batch*/) const { return true; }
  bool operator()(const wire::Bye& /*bye*/) const { return true; }
  bool operator()(const wire::Unwatch& /*unwatch*/) const { return true; }
};

}  // namespace

bool may(const policy::Rights& rights, const wire::Command& command,
         std::string_view session_name) {
  return rights.is_everything() || std::visit(Judge{rights, session_name}, command);
}

bool may_reach(const policy::Rights& rights, Right right, std::string_view actor) {
  return actor == admin_door ? rights.allows(Right::admin) : rights.allows(right, actor);
}

}  // namespace backstage::gateway
