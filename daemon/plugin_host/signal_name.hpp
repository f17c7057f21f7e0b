/// Names of signals.
#pragma once
#include <fmt/core.h>

#include <cstring>
#include <string>

namespace backstage::plugin_host {

/// "SIGSEGV"; one without a name as "signal 40". [any]
[[nodiscard]] inline std::string name_of_signal(int number) {
  const char* name = ::sigabbrev_np(number);
  return name == nullptr ? fmt::format("signal {}", number) : fmt::format("SIG{}", name);
}

}  // namespace backstage::plugin_host
