#include "daemon/transport/zmq_sockets.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "daemon/transport/endpoint.hpp"
#include "daemon/transport/random.hpp"
#include "daemon/transport/socket_limits.hpp"
#include "daemon/transport/zap_self_test.hpp"

namespace backstage::transport {
namespace {

// Subscriptions: a SUB socket sends few, and waits when it sends many.
constexpr int filters_received_max = 1'000;
// A silent connection is closed after this; libzmq's 30 s would let a few peers hold all places.
constexpr int handshake_ms = 2'000;
// A peer that does not answer is gone after the sum. libzmq 4.3.4 finds the timer of an answer by
// looking at all that are due earlier (poller_base.cpp): with a timeout over the interval those are
// all connections at every answer, and 10,000 idle sessions kept its thread from all other work.
constexpr int heartbeat_interval_ms = 10'000;
constexpr int heartbeat_timeout_ms = 5'000;
constexpr int heartbeat_ttl_ms = 20'000;

void set_common(ZmqSocket& socket, std::uint64_t bytes_max) {
  // Without it a pending message to a dead peer blocks the end of the process.
  socket.set(ZMQ_LINGER, 0);
  // A frame's header alone reserves what it announces: bounded on every socket.
  socket.set(ZMQ_MAXMSGSIZE, static_cast<std::int64_t>(bytes_max));
  socket.set(ZMQ_HANDSHAKE_IVL, handshake_ms);
  socket.set(ZMQ_HEARTBEAT_IVL, heartbeat_interval_ms);
  socket.set(ZMQ_HEARTBEAT_TIMEOUT, heartbeat_timeout_ms);
  socket.set(ZMQ_HEARTBEAT_TTL, heartbeat_ttl_ms);
  socket.set(ZMQ_TCP_KEEPALIVE, 1);
  socket.set(ZMQ_BACKLOG, listen_backlog);
}

ZmqSocket make_cmd(ZmqContext& context, const Options& options, const Limits& limits) {
  // libzmq 4.3.4 numbers its routing ids from rand(), never seeded: a peer that presets the next
  // one aborts the process. Right before the socket is made, since anything else may call srand.
  std::srand(random_seed());
  ZmqSocket socket(context, ZMQ_ROUTER);
  set_common(socket, frame_bytes_max(limits));
  // An unknown or full peer is an error at send, never a silent drop.
  socket.set(ZMQ_ROUTER_MANDATORY, 1);
  // With 1 a peer could take over another's routing id and get its answers.
  socket.set(ZMQ_ROUTER_HANDOVER, 0);
  socket.set(ZMQ_SNDHWM, static_cast<int>(options.cmd_send_messages_max));
  socket.set(ZMQ_RCVHWM, static_cast<int>(options.cmd_receive_messages_max));
  return socket;
}

ZmqSocket make_pub(ZmqContext& context, const Options& options) {
  ZmqSocket socket(context, ZMQ_XPUB);
  set_common(socket, pub_frame_bytes_max);
  // Each subscribe and unsubscribe, repeated ones too. (XPUB_MANUAL is a use after free in 4.3.4.)
  socket.set(ZMQ_XPUB_VERBOSER, 1);
  socket.set(ZMQ_SNDHWM, static_cast<int>(options.pub_send_messages_max));
  socket.set(ZMQ_RCVHWM, filters_received_max);
  return socket;
}

ZmqSocket make_ingest(ZmqContext& context, const Options& options, const Limits& limits) {
  ZmqSocket socket(context, ZMQ_PULL);
  set_common(socket, frame_bytes_max(limits));
  // While a full target holds ingest up its peers are not read, their PONGs neither: a heartbeat
  // would cut them off after 5 s, and what they had sent would be lost.
  socket.set(ZMQ_HEARTBEAT_IVL, 0);
  socket.set(ZMQ_RCVHWM, static_cast<int>(options.ingest_receive_messages_max));
  return socket;
}

// Whether libzmq is to ask us about who connects there. Not on loopback: the address of each
// message says who sent it, and libzmq keeps 10 KB for each connection that it has asked about. The
// other doors have more to say than who it is.
bool is_asked_about(Door door, const Endpoint& endpoint) {
  return door != Door::cmd || endpoint.is_curve || !is_loopback(endpoint.address);
}

// Options of security are copied when an endpoint is bound, so that one socket has endpoints of
// both kinds.
void set_curve(ZmqSocket& socket, const Endpoint& endpoint, const CurveOptions& curve) {
  if (curve.secret == nullptr) return;
  socket.set(ZMQ_CURVE_SERVER, endpoint.is_curve ? 1 : 0);
  // Its text ends in a NUL: 41 bytes are a key in Z85 to libzmq.
  if (endpoint.is_curve) {
    socket.set(ZMQ_CURVE_SECRETKEY,
               std::string_view{curve.secret->text().data(), curve.secret->text().size() + 1});
  }
}

}  // namespace

ZmqSockets::ZmqSockets(const Options& options, const Limits& limits, Principals& principals)
    : context_(options.io_threads),
      zap(context_, principals),
      cmd(make_cmd(context_, options, limits)),
      cmd_monitor(context_, cmd, "cmd") {
  if (!options.pub.empty()) {
    pub.emplace(make_pub(context_, options));
    pub_monitor.emplace(context_, *pub, "pub");
  }
  if (!options.ingest.empty()) {
    ingest.emplace(make_ingest(context_, options, limits));
    ingest_monitor.emplace(context_, *ingest, "ingest");
  }
}

std::optional<StartError> ZmqSockets::bind(const Options& options, ConnectionTables& tables,
                                           BoundEndpoints& bound) {
  const auto is_curve = [](const Endpoint& endpoint) { return endpoint.is_curve; };
  if (std::ranges::any_of(options.cmd, is_curve) || std::ranges::any_of(options.pub, is_curve) ||
      std::ranges::any_of(options.ingest, is_curve)) {
    if (auto error = test_authentication(context_, zap)) return error;
  }
  if (auto error = bind_door(Door::cmd, cmd, cmd_monitor, options, tables, bound)) return error;
  if (pub) {
    if (auto error = bind_door(Door::pub, *pub, *pub_monitor, options, tables, bound)) return error;
  }
  if (!ingest) return std::nullopt;
  return bind_door(Door::ingest, *ingest, *ingest_monitor, options, tables, bound);
}

std::optional<StartError> ZmqSockets::bind_door(Door door, ZmqSocket& socket, ZmqMonitor& monitor,
                                                const Options& options, ConnectionTables& tables,
                                                BoundEndpoints& all_bound) {
  const auto& endpoints = endpoints_of(options, door);
  auto& bound = endpoints_of(all_bound, door);
  const auto bind_those = [&](bool is_asked) -> std::optional<StartError> {
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
      if (!is_for_libzmq(endpoints[i], options)) continue;
      if (is_asked_about(door, endpoints[i]) != is_asked) continue;
      if (auto error = bind_one(socket, endpoints[i], options, bound[i])) return error;
      note_listener(door, endpoints[i], monitor, tables);
    }
    return std::nullopt;
  };
  // A guard holds for what is bound after it, and libzmq takes none back.
  if (auto error = bind_those(false)) return error;
  ZapServer::guard(socket, door);
  return bind_those(true);
}

// Where the gate is closed, and which ports are CURVE.
void ZmqSockets::note_listener(Door door, const Endpoint& endpoint, ZmqMonitor& monitor,
                               ConnectionTables& tables) {
  if (const auto path = ipc_path(endpoint.address); !path.empty()) {
    tables.gate.add_ipc(std::string(path));
  }
  std::vector<ZmqMonitor::Event> events;
  monitor.drain(events);
  for (const auto& event : events) {
    // Of connections to endpoints bound before.
    if (event.what == ZmqMonitor::What::accepted) tables.zmq.opened(door, event.fd);
    if (event.what == ZmqMonitor::What::closed) (void)tables.zmq.closed(door, event.fd);
    if (event.what != ZmqMonitor::What::listening) continue;
    const auto port = local_port(event.fd);
    if (port == 0) continue;
    tables.gate.add_tcp(event.fd);
    if (endpoint.is_curve) tables.zmq.add_curve_port(port);
  }
}

std::optional<StartError> ZmqSockets::bind_one(ZmqSocket& socket, const Endpoint& endpoint,
                                               const Options& options, std::string& bound) {
  if (auto objection = objection_to(endpoint, options)) return objection;
  const std::string& address = endpoint.address;
  set_curve(socket, endpoint, options.curve);
  if (ipc_path(address).empty()) {
    socket.set(ZMQ_IPV6, address.starts_with("tcp://[") ? 1 : 0);
    if (!socket.bind(address)) return bind_error(address, errno);
    bound = socket.last_endpoint();
    return std::nullopt;
  }
  auto listener = IpcListener::open(endpoint);
  if (!listener) return std::move(listener).error();
  const int fd = listener->release();
  socket.set(ZMQ_USE_FD, fd);
  const bool is_bound = socket.bind(address);
  const int code = errno;
  // The next endpoint of this socket makes its own.
  socket.set(ZMQ_USE_FD, -1);
  if (!is_bound) return bind_error(address, code);
  listeners_.push_back(*std::move(listener));
  bound = address;
  return std::nullopt;
}

void ZmqSockets::set_linger(std::chrono::milliseconds linger) {
  const int ms = static_cast<int>(linger.count());
  cmd.set(ZMQ_LINGER, ms);
  if (pub) pub->set(ZMQ_LINGER, ms);
}

}  // namespace backstage::transport
