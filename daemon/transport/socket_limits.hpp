/// Limits that both transports set on their sockets.
#pragma once
#include <cstdint>

#include "daemon/transport/options.hpp"

namespace backstage::transport {

/// Connections that the kernel holds until they are accepted.
inline constexpr int listen_backlog = 512;
/// Filters are all that comes in at pub; below about 300 bytes a CURVE handshake would break.
inline constexpr std::uint64_t pub_frame_bytes_max = 1'024;
/// Of a frame at cmd and ingest: twice what a payload may have, so that one over the limit is
/// answered with 413, while far over it the connection ends.
constexpr std::uint64_t frame_bytes_max(const Limits& limits) noexcept {
  return 2 * limits.payload_bytes_max + 4'096;
}

}  // namespace backstage::transport
