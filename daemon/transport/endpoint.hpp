/// Endpoints: what kind one is, whether it stays on this machine, and why it could not be bound.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/policy/zap_check.hpp"
#include "daemon/transport/options.hpp"

namespace backstage::transport {

[[nodiscard]] const std::vector<Endpoint>& endpoints_of(const Options& options,
                                                        policy::Door door) noexcept;
[[nodiscard]] std::vector<std::string>& endpoints_of(BoundEndpoints& bound,
                                                     policy::Door door) noexcept;
/// Whether libzmq serves it: CURVE is libzmq's, and what the options say.
[[nodiscard]] bool is_for_libzmq(const Endpoint& endpoint, const Options& options) noexcept;
/// Why it may not be bound as it is configured; nothing: it may be tried.
[[nodiscard]] std::optional<StartError> objection_to(const Endpoint& endpoint,
                                                     const Options& options);
/// The path of an `ipc://` endpoint; empty for others.
[[nodiscard]] std::string_view ipc_path(std::string_view address) noexcept;
/// ipc, and tcp on 127.0.0.0/8, [::1] or localhost. [any]
[[nodiscard]] bool is_local(std::string_view address) noexcept;
/// tcp on 127.0.0.0/8 or [::1], by its number: nothing is looked up. [any]
[[nodiscard]] bool is_loopback(std::string_view address) noexcept;
/// Whether it can be bound at all: `tcp://HOST:PORT` with a port of 0 to 65535 or `*` (libzmq takes
/// any number, and binds another port), or `ipc://PATH`. [any]
[[nodiscard]] bool is_well_formed(std::string_view address) noexcept;
/// What to tell when binding `address` fails with errno `code`.
[[nodiscard]] StartError bind_error(std::string_view address, int code);

}  // namespace backstage::transport
