/// Handshake: asks an endpoint that does not answer whether keys are the reason.
#pragma once
#include <optional>
#include <string>

#include "clients/cpp/backstage/client.hpp"
#include "daemon/ctl/options.hpp"

namespace backstage::ctl {

/// What an endpoint speaks, by its greeting: CURVE, NULL, ...; nothing where nobody greets as
/// ZeroMQ does. A second at most. [any]
[[nodiscard]] std::optional<std::string> mechanism_of(const std::string& endpoint);

/// Why an endpoint that the client found unreachable does not let it in, if that is for keys:
/// CTL-509 it wants them, CTL-510 the daemon's key is another, CTL-511 this client's is not
/// authorised, CTL-512 it wants none. `files` are where `keys` came from. Some seconds at most.
/// [any]
[[nodiscard]] std::optional<Fault> fault_of_handshake(const std::string& endpoint,
                                                      const client::curve_keys& keys,
                                                      const KeyFiles& files);

}  // namespace backstage::ctl
