/// What send, req, pub, sub, watch and bench share: a session, messages to send, Ctrl-C, records.
#pragma once
#include <chrono>
#include <functional>
#include <istream>
#include <string>
#include <string_view>

#include "daemon/ctl/door.hpp"

namespace backstage::ctl {

using Session = std::unique_ptr<client::connection>;
using OnSession = std::function<void(const std::string& kind, const std::string& reason)>;

/// Opens a session at the endpoint that Door would choose; its poll() calls `on_session` with what
/// becomes of it. Faults: CTL-301, 302, 303, and those of keys, CTL-505 to 512. [main]
[[nodiscard]] Outcome<Session> open_session(const Options& options,
                                            const OnSession& on_session = {});

/// A refusal by the daemon (CTL-303, exit 1, or 75 when it may be tried again), or that it does not
/// answer (CTL-301). `what` was asked, as `SEND counter`. [any]
[[nodiscard]] Fault fault_of_message(const client::error& error, const std::string& endpoint);
/// The worse of two exit codes: not reachable, refused, try again, fine. [any]
[[nodiscard]] int worse(int one, int other) noexcept;

/// Calls `each` with the payloads that the command line means: the one given, all of `input`, or
/// each of its lines, at most `rate` a second. Ends early when `each` returns false, or on Ctrl-C.
/// Fault: CTL-206, a line or input over 64 MiB. [main]
[[nodiscard]] Outcome<void> each_payload(
    const Traffic& traffic, std::istream& input,
    const std::function<bool(const std::string& payload, std::uint64_t line)>& each);

/// From now on SIGINT and SIGTERM set was_interrupted() and nothing else. [main]
void catch_interrupts();
[[nodiscard]] bool was_interrupted() noexcept;

/// `payload` as printable UTF-8, else `payload_base64`, put into `record`. [any]
void put_payload(Json& record, std::string_view payload);
/// What went wrong, for a stream of records: {"error":{...}}. [any]
[[nodiscard]] Json record_of(const Fault& fault);
/// Writes one record as one line, at once. [main]
void write_record(const Json& record);
/// A payload to stdout as it is, with a line feed after it if it has none. [main]
void write_payload(std::string_view payload);

}  // namespace backstage::ctl
