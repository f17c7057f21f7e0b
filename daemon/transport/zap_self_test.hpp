/// The self-test of authentication: before anybody is served, an unknown key must be refused.
#pragma once
#include <optional>

#include "daemon/transport/options.hpp"
#include "daemon/transport/zap_server.hpp"

namespace backstage::transport {

/// Connects to a socket of its own with a key nobody has, answering as `server` will, and waits two
/// seconds at most for the refusal. An error (EACCES) when it is let in, or nothing decides. [main]
[[nodiscard]] std::optional<StartError> test_authentication(ZmqContext& context, ZapServer& server);

}  // namespace backstage::transport
