#include "daemon/transport/sockets.hpp"

#include <algorithm>
#include <array>

#include "daemon/transport/endpoint.hpp"

namespace backstage::transport {
namespace {

constexpr std::array doors{Door::cmd, Door::pub, Door::ingest};

bool needs_libzmq(const Options& options) {
  return std::ranges::any_of(doors, [&](Door door) {
    return std::ranges::any_of(endpoints_of(options, door), [&](const Endpoint& endpoint) {
      return is_for_libzmq(endpoint, options);
    });
  });
}

}  // namespace

Sockets::Sockets(const Options& options, const Limits& limits, Principals& principals)
    : tables(limits.connections_max) {
  if (needs_libzmq(options)) zmq.emplace(options, limits, principals);
}

std::optional<StartError> Sockets::bind(const Options& options) {
  for (const Door door : doors) {
    endpoints_of(bound_, door).resize(endpoints_of(options, door).size());
  }
  if (zmq) {
    if (auto error = zmq->bind(options, tables, bound_)) return error;
  }
  return zmtp.bind(options, tables, bound_);
}

}  // namespace backstage::transport
