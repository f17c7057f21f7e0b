// How a benchmark ends that has measured something else than it says.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace backstage::bench {

/// A benchmark that lost a message or an actor has measured something else: ends the program. [any]
[[noreturn]] inline void give_up(
    std::string_view what, std::string_view why,
    std::string_view next = "make the load smaller, or Live's limits wider") {
  std::fprintf(stderr, "bench: %.*s: %.*s\n  next: %.*s\n", static_cast<int>(what.size()),
               what.data(), static_cast<int>(why.size()), why.data(), static_cast<int>(next.size()),
               next.data());
  std::_Exit(1);
}

}  // namespace backstage::bench
