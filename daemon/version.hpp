/// The version, as every part of the daemon tells it.
#pragma once
#include <string>

namespace backstage::daemon {

/// "0.1.0".
[[nodiscard]] std::string version_text();
/// "backstaged 0.1.0 (release), libzmq 4.3.4, plugin ABI 1.0": what --version prints.
[[nodiscard]] std::string version_line();

}  // namespace backstage::daemon
