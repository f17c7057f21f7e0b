/// Which right a command needs, and where.
#pragma once
#include <string_view>

#include "daemon/policy/acl.hpp"
#include "daemon/wire/command.hpp"

namespace backstage::gateway {

/// The name of the admin door: REQ and SEND to it need the right `admin`.
inline constexpr std::string_view admin_door = "$backstage";

/// Whether `rights` allow `command` in a session of that name. Commands that concern nobody but
/// their own session (PING, BYE, UNSUB, ACK, REP, ERR, HELLO without a name) need no right. [any]
[[nodiscard]] bool may(const policy::Rights& rights, const wire::Command& command,
                       std::string_view session_name);
/// Whether they allow a message to `actor`. [any]
[[nodiscard]] bool may_reach(const policy::Rights& rights, policy::Right right,
                             std::string_view actor);

}  // namespace backstage::gateway
