#include "daemon/transport/zmtp_listeners.hpp"

#include <unistd.h>

#include <utility>

#include "daemon/transport/endpoint.hpp"
#include "daemon/transport/tcp_listener.hpp"

namespace backstage::transport {

ZmtpListeners::~ZmtpListeners() {
  for (const ZmtpListener& one : all_) ::close(one.fd);
}

std::optional<StartError> ZmtpListeners::bind(const Options& options, ConnectionTables& tables,
                                              BoundEndpoints& bound) {
  for (const Door door : {Door::cmd, Door::pub, Door::ingest}) {
    const auto& endpoints = endpoints_of(options, door);
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
      if (is_for_libzmq(endpoints[i], options)) continue;
      if (auto objection = objection_to(endpoints[i], options)) return objection;
      if (auto error = bind_one(door, endpoints[i], tables, endpoints_of(bound, door)[i])) {
        return error;
      }
    }
  }
  return std::nullopt;
}

std::optional<StartError> ZmtpListeners::bind_one(Door door, const Endpoint& endpoint,
                                                  ConnectionTables& tables, std::string& bound) {
  const auto path = ipc_path(endpoint.address);
  if (path.empty()) {
    const auto fd = listen_tcp(endpoint.address);
    if (!fd) return bind_error(endpoint.address, fd.error());
    all_.push_back({*fd, door});
    tables.gate.add_tcp(*fd);
    bound = tcp_address_of(*fd);
    return std::nullopt;
  }
  auto listener = IpcListener::open(endpoint);
  if (!listener) return std::move(listener).error();
  all_.push_back({listener->release(), door});
  paths_.push_back(*std::move(listener));
  tables.gate.add_ipc(std::string(path));
  bound = endpoint.address;
  return std::nullopt;
}

}  // namespace backstage::transport
