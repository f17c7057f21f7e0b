#include "core/envelope.hpp"

#include <array>

namespace backstage {

std::string_view name_of(Kind kind) noexcept {
  static constexpr std::array<std::string_view, 11> names{
      "send",     "publish", "request", "reply",   "timer",     "down",
      "interest", "started", "gap",     "barrier", "succession"};
  return names[static_cast<std::size_t>(kind)];
}

std::string_view name_of(Overflow overflow) noexcept {
  static constexpr std::array<std::string_view, 5> names{"reject", "drop_newest", "drop_oldest",
                                                         "conflate", "kick"};
  return names[static_cast<std::size_t>(overflow)];
}

}  // namespace backstage
