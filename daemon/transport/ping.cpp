#include "daemon/transport/ping.hpp"

#include <fmt/format.h>
#include <zmq.h>

#include <array>
#include <memory>
#include <string_view>

namespace backstage::transport {
namespace {

struct CloseSocket {
  void operator()(void* socket) const noexcept { (void)::zmq_close(socket); }
};
struct EndContext {
  void operator()(void* context) const noexcept { (void)::zmq_ctx_term(context); }
};

std::unexpected<std::string> failed(std::string_view what) {
  return std::unexpected(fmt::format("{}: {}", what, ::zmq_strerror(::zmq_errno())));
}

}  // namespace

std::expected<std::string, std::string> ping(const std::string& endpoint,
                                             std::chrono::milliseconds timeout) {
  const std::unique_ptr<void, EndContext> context(::zmq_ctx_new());
  if (context == nullptr) return failed("no ZeroMQ context");
  const std::unique_ptr<void, CloseSocket> socket(::zmq_socket(context.get(), ZMQ_REQ));
  if (socket == nullptr) return failed("no ZeroMQ socket");
  const int linger = 0;
  const int wait = static_cast<int>(timeout.count());
  (void)::zmq_setsockopt(socket.get(), ZMQ_LINGER, &linger, sizeof linger);
  (void)::zmq_setsockopt(socket.get(), ZMQ_RCVTIMEO, &wait, sizeof wait);
  (void)::zmq_setsockopt(socket.get(), ZMQ_SNDTIMEO, &wait, sizeof wait);
  if (::zmq_connect(socket.get(), endpoint.c_str()) != 0) return failed("cannot connect");
  constexpr std::string_view question = "PING health";
  if (::zmq_send(socket.get(), question.data(), question.size(), 0) < 0)
    return failed("cannot send");
  std::array<char, 256> answer{};
  const int size = ::zmq_recv(socket.get(), answer.data(), answer.size(), 0);
  if (size < 0) return failed("no answer");
  const std::string_view line(answer.data(),
                              std::min(static_cast<std::size_t>(size), answer.size()));
  if (!line.starts_with("PONG ")) {
    return std::unexpected(fmt::format("unexpected answer of {} bytes", size));
  }
  return std::string(line);
}

std::string libzmq_version() {
  int major = 0;
  int minor = 0;
  int patch = 0;
  ::zmq_version(&major, &minor, &patch);
  return fmt::format("{}.{}.{}", major, minor, patch);
}

}  // namespace backstage::transport
