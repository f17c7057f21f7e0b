#include "daemon/version.hpp"

#include <fmt/format.h>

#include "backstage/plugin.h"
#include "daemon/transport/ping.hpp"

namespace backstage::daemon {

std::string version_text() { return BACKSTAGED_VERSION; }

std::string version_line() {
  return fmt::format("backstaged {} ({}), libzmq {}, plugin ABI {}.{}", version_text(),
                     BACKSTAGED_BUILD, transport::libzmq_version(), BS_ABI_MAJOR, BS_ABI_MINOR);
}

}  // namespace backstage::daemon
