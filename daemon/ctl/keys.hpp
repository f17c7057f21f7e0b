/// Keys: the two key files that a client needs for CURVE, and a connection that uses them.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "clients/cpp/backstage/client.hpp"
#include "daemon/ctl/options.hpp"

namespace backstage::ctl {

/// As given, else $BACKSTAGED_SERVER_KEY and $BACKSTAGED_KEY; an empty variable names none. [main]
[[nodiscard]] KeyFiles key_files_of(const Options& options);

/// Both keys as the client wants them; none where no file is named. Faults: CTL-505 one file
/// without the other, CTL-506 it cannot be read, CTL-507 it holds no key, CTL-508 others may read
/// or change it. [any]
[[nodiscard]] Outcome<client::curve_keys> read_keys(const KeyFiles& files);

/// Connects with the keys that the options mean, else as `with` says. Faults: those of read_keys;
/// those of fault_of_handshake where keys are why nobody answers; else what `fault_of` says of the
/// client's error. [any]
[[nodiscard]] Outcome<std::unique_ptr<client::connection>> connect(
    const std::string& endpoint, const Options& options, client::options with,
    const std::function<Fault(const client::error&)>& fault_of);

}  // namespace backstage::ctl
