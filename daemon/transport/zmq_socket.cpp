#include "daemon/transport/zmq_socket.hpp"

#include <pthread.h>
#include <sched.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace backstage::transport {
namespace {

[[noreturn]] void fail(const std::string& what) {
  const int code = errno;
  throw std::system_error(code, std::generic_category(), what + ": " + zmq_text(code));
}

// libzmq ends the process when a thread of its is refused.
bool may_be_batch() noexcept {
  int before = 0;
  sched_param with{};
  if (::pthread_getschedparam(::pthread_self(), &before, &with) != 0) return false;
  const sched_param ordinary{};
  if (::pthread_setschedparam(::pthread_self(), SCHED_BATCH, &ordinary) != 0) return false;
  return ::pthread_setschedparam(::pthread_self(), before, &with) == 0;
}

}  // namespace

std::string zmq_text(int code) { return ::zmq_strerror(code); }

ZmqContext::ZmqContext(unsigned io_threads) : context_(::zmq_ctx_new()) {
  if (context_ == nullptr) fail("zmq_ctx_new");
  (void)::zmq_ctx_set(context_, ZMQ_IO_THREADS, static_cast<int>(io_threads));
  // Its threads do not take the core from whoever wakes them, which the gateway does for each
  // message that it sends: they have more to do at once when their turn comes. On a shared core a
  // quarter more requests a second, and no later answers at the 99th percentile.
  if (may_be_batch()) (void)::zmq_ctx_set(context_, ZMQ_THREAD_SCHED_POLICY, SCHED_BATCH);
}

ZmqContext::~ZmqContext() {
  while (::zmq_ctx_term(context_) != 0 && errno == EINTR) {
  }
}

ZmqSocket::ZmqSocket(ZmqContext& context, int type) : socket_(::zmq_socket(context.get(), type)) {
  if (socket_ == nullptr) fail("zmq_socket");
}

ZmqSocket::~ZmqSocket() {
  if (socket_ != nullptr) (void)::zmq_close(socket_);
}

void ZmqSocket::set_raw(int option, const void* value, std::size_t size) {
  if (::zmq_setsockopt(socket_, option, value, size) != 0) {
    fail("zmq_setsockopt " + std::to_string(option));
  }
}

void ZmqSocket::set(int option, int value) { set_raw(option, &value, sizeof value); }
void ZmqSocket::set(int option, std::int64_t value) { set_raw(option, &value, sizeof value); }
void ZmqSocket::set(int option, std::string_view value) {
  set_raw(option, value.data(), value.size());
}

bool ZmqSocket::bind(const std::string& endpoint) noexcept {
  return ::zmq_bind(socket_, endpoint.c_str()) == 0;
}

std::string ZmqSocket::last_endpoint() const {
  std::array<char, 512> text{};
  std::size_t size = text.size();
  if (::zmq_getsockopt(socket_, ZMQ_LAST_ENDPOINT, text.data(), &size) != 0) {
    fail("zmq_getsockopt ZMQ_LAST_ENDPOINT");
  }
  return text.data();
}

int ZmqSocket::readiness_fd() const {
  int fd = -1;
  std::size_t size = sizeof fd;
  if (::zmq_getsockopt(socket_, ZMQ_FD, &fd, &size) != 0) fail("zmq_getsockopt ZMQ_FD");
  return fd;
}

int ZmqSocket::events() const noexcept {
  int events = 0;
  std::size_t size = sizeof events;
  while (::zmq_getsockopt(socket_, ZMQ_EVENTS, &events, &size) != 0) {
    if (errno != EINTR) return 0;
  }
  return events;
}

bool ZmqSocket::receive(zmq_msg_t* message) noexcept {
  for (;;) {
    if (::zmq_msg_recv(message, socket_, ZMQ_DONTWAIT) >= 0) return true;
    if (errno != EINTR) return false;
  }
}

bool ZmqSocket::send(zmq_msg_t* message, int flags) noexcept {
  for (;;) {
    if (::zmq_msg_send(message, socket_, flags | ZMQ_DONTWAIT) >= 0) return true;
    if (errno != EINTR) return false;
  }
}

}  // namespace backstage::transport
