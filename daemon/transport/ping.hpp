/// Ping: asks a running daemon whether it serves, as any client would.
#pragma once
#include <chrono>
#include <expected>
#include <string>

namespace backstage::transport {

/// Connects to a `cmd` endpoint, sends PING and returns the PONG's line. Errors: a sentence. Blocks
/// for at most `timeout`; uses a context of its own. [main] of a process without a Gateway.
[[nodiscard]] std::expected<std::string, std::string> ping(const std::string& endpoint,
                                                           std::chrono::milliseconds timeout);
/// Of the library that is loaded: "4.3.4".
[[nodiscard]] std::string libzmq_version();

}  // namespace backstage::transport
