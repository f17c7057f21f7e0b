/// How the frames of a stack are told, alive (Symbols) and in a signal handler (CrashTrace).
#pragma once
#include <cstddef>
#include <string_view>

namespace backstage::crash {

/// Longer names of functions are cut.
inline constexpr std::size_t frame_name_bytes_max = 120;
/// The frame at which the actor's own code begins; what called it is the engine's business.
inline constexpr std::string_view engine_frame = "backstage::Cell::";

/// What follows the last slash. [signal handler]
constexpr std::string_view leaf_of(std::string_view path) noexcept {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace backstage::crash
