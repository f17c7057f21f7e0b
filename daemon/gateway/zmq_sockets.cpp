#include "daemon/gateway/zmq_sockets.hpp"

#include <fmt/core.h>

#include <cerrno>
#include <cstdlib>

#include "daemon/gateway/endpoint.hpp"
#include "daemon/gateway/random.hpp"

namespace backstage::gateway {
namespace {

// Subscriptions: a SUB socket sends few, and waits when it sends many.
constexpr int filters_received_max = 1'000;
// Subscriptions are all that comes in at pub; below about 300 bytes a CURVE handshake would break.
constexpr std::int64_t pub_frame_bytes_max = 1'024;
// A silent connection is closed after this; libzmq's 30 s would let a few peers hold all places.
constexpr int handshake_ms = 2'000;
constexpr int heartbeat_interval_ms = 5'000;
constexpr int heartbeat_timeout_ms = 10'000;
constexpr int heartbeat_ttl_ms = 15'000;
constexpr int backlog = 512;

void set_common(ZmqSocket& socket, std::int64_t frame_bytes_max) {
  // Without it a pending message to a dead peer blocks the end of the process.
  socket.set(ZMQ_LINGER, 0);
  // A frame's header alone reserves what it announces: bounded on every socket.
  socket.set(ZMQ_MAXMSGSIZE, frame_bytes_max);
  socket.set(ZMQ_HANDSHAKE_IVL, handshake_ms);
  socket.set(ZMQ_HEARTBEAT_IVL, heartbeat_interval_ms);
  socket.set(ZMQ_HEARTBEAT_TIMEOUT, heartbeat_timeout_ms);
  socket.set(ZMQ_HEARTBEAT_TTL, heartbeat_ttl_ms);
  socket.set(ZMQ_TCP_KEEPALIVE, 1);
  socket.set(ZMQ_BACKLOG, backlog);
}

// Twice what a payload may have: so that one over the limit is answered with 413, while far over it
// libzmq cuts the connection.
std::int64_t frame_bytes_max(const Options& options) {
  return static_cast<std::int64_t>(2 * options.limits.payload_bytes_max + 4'096);
}

ZmqSocket make_cmd(ZmqContext& context, const Options& options) {
  // libzmq 4.3.4 numbers its routing ids from rand(), never seeded: a peer that presets the next
  // one aborts the process. Right before the socket is made, since anything else may call srand.
  std::srand(random_seed());
  ZmqSocket socket(context, ZMQ_ROUTER);
  set_common(socket, frame_bytes_max(options));
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

ZmqSocket make_ingest(ZmqContext& context, const Options& options) {
  ZmqSocket socket(context, ZMQ_PULL);
  set_common(socket, frame_bytes_max(options));
  socket.set(ZMQ_RCVHWM, static_cast<int>(options.ingest_receive_messages_max));
  return socket;
}

}  // namespace

ZmqSockets::ZmqSockets(const Options& options)
    : context_(options.io_threads),
      cmd(make_cmd(context_, options)),
      cmd_monitor(context_, cmd, "cmd") {
  if (!options.pub.empty()) pub.emplace(make_pub(context_, options));
  if (!options.ingest.empty()) ingest.emplace(make_ingest(context_, options));
}

std::optional<StartError> ZmqSockets::bind(const Options& options) {
  for (const Endpoint& endpoint : options.cmd) {
    if (auto error = bind_one(cmd, endpoint, options, bound_.cmd)) return error;
  }
  for (const Endpoint& endpoint : options.pub) {
    if (auto error = bind_one(*pub, endpoint, options, bound_.pub)) return error;
  }
  for (const Endpoint& endpoint : options.ingest) {
    if (auto error = bind_one(*ingest, endpoint, options, bound_.ingest)) return error;
  }
  return std::nullopt;
}

std::optional<StartError> ZmqSockets::bind_one(ZmqSocket& socket, const Endpoint& endpoint,
                                               const Options& options,
                                               std::vector<std::string>& bound) {
  const std::string& address = endpoint.address;
  if (!is_well_formed(address)) return bind_error(address, EINVAL);
  if (!is_local(address) && address.starts_with("tcp://") && !options.allow_remote_plaintext) {
    return StartError{address, EPERM,
                      fmt::format("{} is open to other machines, without encryption or proof of "
                                  "identity; bind tcp://127.0.0.1:PORT or ipc:///PATH",
                                  address)};
  }
  if (ipc_path(address).empty()) {
    socket.set(ZMQ_IPV6, address.starts_with("tcp://[") ? 1 : 0);
    if (!socket.bind(address)) return bind_error(address, errno);
    bound.push_back(socket.last_endpoint());
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
  bound.push_back(address);
  return std::nullopt;
}

void ZmqSockets::set_linger(std::chrono::milliseconds linger) {
  const int ms = static_cast<int>(linger.count());
  cmd.set(ZMQ_LINGER, ms);
  if (pub) pub->set(ZMQ_LINGER, ms);
}

}  // namespace backstage::gateway
