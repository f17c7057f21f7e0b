#include "daemon/transport/zap_self_test.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "daemon/policy/secret_key.hpp"

namespace backstage::transport {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr auto patience = 2s;
constexpr long look_ms = 20;
constexpr const char* monitor_endpoint = "inproc://authentication-self-test";

struct KeyPair {
  std::array<char, policy::key_digits + 1> open{};
  std::array<char, policy::key_digits + 1> secret{};

  KeyPair() {
    if (::zmq_curve_keypair(open.data(), secret.data()) != 0) {
      throw std::system_error(errno, std::generic_category(), "this libzmq has no CURVE");
    }
  }
  KeyPair(const KeyPair&) = delete;
  KeyPair& operator=(const KeyPair&) = delete;
  ~KeyPair() { policy::wipe(secret.data(), secret.size()); }
};

std::string_view text(const std::array<char, policy::key_digits + 1>& key) noexcept {
  return {key.data(), policy::key_digits};
}

enum class Outcome : std::uint8_t { pending, refused, let_in };

// What has become of the connection.
Outcome outcome(ZmqSocket& events) {
  Outcome outcome = Outcome::pending;
  zmq_msg_t frame;
  (void)::zmq_msg_init(&frame);
  while (events.receive(&frame)) {
    std::uint16_t what = 0;
    if (::zmq_msg_size(&frame) >= sizeof what) {
      std::memcpy(&what, ::zmq_msg_data(&frame), sizeof what);
    }
    while (::zmq_msg_more(&frame) != 0 && events.receive(&frame)) {
    }
    if (what == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) outcome = Outcome::let_in;
    if (what == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH && outcome == Outcome::pending) {
      outcome = Outcome::refused;
    }
  }
  (void)::zmq_msg_close(&frame);
  return outcome;
}

// A server as ours are, and a stranger who knows its public key.
struct Trial {
  KeyPair server_keys;
  KeyPair stranger_keys;
  ZmqSocket server;
  ZmqSocket stranger;
  ZmqSocket events;

  explicit Trial(ZmqContext& context)
      : server(context, ZMQ_PULL), stranger(context, ZMQ_PUSH), events(context, ZMQ_PAIR) {
    server.set(ZMQ_LINGER, 0);
    stranger.set(ZMQ_LINGER, 0);
    ZapServer::guard(server, policy::Door::cmd);
    server.set(ZMQ_CURVE_SERVER, 1);
    server.set(ZMQ_CURVE_SECRETKEY, text(server_keys.secret));
    stranger.set(ZMQ_CURVE_SERVERKEY, text(server_keys.open));
    stranger.set(ZMQ_CURVE_PUBLICKEY, text(stranger_keys.open));
    stranger.set(ZMQ_CURVE_SECRETKEY, text(stranger_keys.secret));
  }
  // False and errno.
  bool begin() {
    const int which = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
    return ::zmq_socket_monitor(server.get(), monitor_endpoint, which) == 0 &&
           ::zmq_connect(events.get(), monitor_endpoint) == 0 && server.bind("tcp://127.0.0.1:*") &&
           ::zmq_connect(stranger.get(), server.last_endpoint().c_str()) == 0;
  }
  ~Trial() { (void)::zmq_socket_monitor(server.get(), nullptr, 0); }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;
};

StartError failure(const std::string& why) {
  return {{},
          EACCES,
          "the self-test of authentication failed: " + why +
              "; nothing is served. Install Debian's libzmq5, or bind loopback and ipc only"};
}

}  // namespace

std::optional<StartError> test_authentication(ZmqContext& context, ZapServer& server) {
  Trial trial(context);
  if (!trial.begin()) return failure(zmq_text(errno));
  const auto refused_before = server.refused();
  const auto end = SteadyClock::now() + patience;
  while (SteadyClock::now() < end) {
    std::array<zmq_pollitem_t, 2> items{
        {{server.socket().get(), 0, ZMQ_POLLIN, 0}, {trial.events.get(), 0, ZMQ_POLLIN, 0}}};
    (void)::zmq_poll(items.data(), static_cast<int>(items.size()), look_ms);
    while (server.answer_one()) {
    }
    switch (outcome(trial.events)) {
      case Outcome::let_in:
        return failure("a key that nobody authorised was let in");
      case Outcome::refused:
        if (server.refused() > refused_before) return std::nullopt;
        return failure("an unknown key was refused without a word of ours");
      case Outcome::pending:
        break;
    }
  }
  return failure("nobody decided about an unknown key within 2 s");
}

}  // namespace backstage::transport
