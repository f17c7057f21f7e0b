#include "daemon/ctl/handshake.hpp"

#include <zmq.h>

#include <chrono>
#include <cstring>
#include <string_view>
#include <zmq.hpp>

namespace backstage::ctl {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds patience{1'000};
// A daemon that refuses a key says so and hangs up: whoever hears the end first knows less.
constexpr int attempts = 4;
constexpr const char* events_endpoint = "inproc://events";

// The beginning of ZMTP 3's greeting, up to the version. With no more than that the other end tells
// its mechanism and waits for ours; at another one it might hang up before it has told.
constexpr std::string_view half_a_greeting{"\xFF\0\0\0\0\0\0\0\1\x7F\3\0", 12};
constexpr std::size_t mechanism_begin = 12;
constexpr std::size_t mechanism_bytes = 20;

// How a handshake ended.
enum class Ending : std::uint8_t {
  unknown,     // nobody is there, or says anything
  done,        // welcome
  refused,     // this client's key is not let in
  broken_off,  // without a word
};

// Until something comes, or `end` has something.
bool is_readable(zmq::socket_t& socket, Clock::time_point until, zmq::socket_t* end = nullptr) {
  const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
  zmq_pollitem_t items[2] = {{socket.handle(), 0, ZMQ_POLLIN, 0}, {}};
  if (end != nullptr) items[1] = {end->handle(), 0, ZMQ_POLLIN, 0};
  return left.count() > 0 &&
         zmq_poll(items, end == nullptr ? 1 : 2, static_cast<long>(left.count())) > 0 &&
         items[0].revents != 0;
}

std::optional<Ending> meaning_of(std::uint16_t event) {
  switch (event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
      return Ending::done;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
      return Ending::refused;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
    case ZMQ_EVENT_DISCONNECTED:
      return Ending::broken_off;
    default:
      return std::nullopt;
  }
}

// The first event that says how it went.
Ending listen(zmq::socket_t& events) {
  const auto until = Clock::now() + patience;
  while (is_readable(events, until)) {
    zmq::message_t event;
    zmq::message_t address;
    if (!events.recv(event) || !events.recv(address)) break;
    std::uint16_t kind = 0;
    std::memcpy(&kind, event.data(), sizeof kind);
    if (const auto meaning = meaning_of(kind)) return *meaning;
  }
  return Ending::unknown;
}

Ending shake_hands(const std::string& endpoint, const client::curve_keys& keys) {
  // Sockets go before their context.
  zmq::context_t context{1};
  zmq::socket_t events(context, zmq::socket_type::pair);
  zmq::socket_t socket(context, zmq::socket_type::dealer);
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::curve_serverkey, keys.server);
  socket.set(zmq::sockopt::curve_publickey, keys.own_public);
  socket.set(zmq::sockopt::curve_secretkey, keys.own_secret);
  zmq_socket_monitor(socket.handle(), events_endpoint, ZMQ_EVENT_ALL);
  events.connect(events_endpoint);
  socket.connect(endpoint);
  const auto ending = listen(events);
  zmq_socket_monitor(socket.handle(), nullptr, 0);
  return ending;
}

Ending shake_hands_again(const std::string& endpoint, const client::curve_keys& keys) {
  auto ending = shake_hands(endpoint, keys);
  for (int i = 1; i < attempts && ending == Ending::broken_off; ++i) {
    ending = shake_hands(endpoint, keys);
  }
  return ending;
}

Fault needs_keys(const std::string& endpoint) {
  return {exit_code::permission,
          "CTL-509",
          "that endpoint lets in only who has a key",
          endpoint,
          "no keys were given",
          "--server-key FILE --key FILE: the daemon's .key, and a NAME.key_secret of backstagectl "
          "keygen whose NAME.key the daemon has"};
}

Fault wants_none(const std::string& endpoint) {
  return {exit_code::usage,
          "CTL-512",
          "that endpoint takes no keys",
          endpoint,
          "keys were given, and nothing is sent in the clear then",
          "name the daemon's endpoint that has \"curve\": true, or leave --server-key and --key "
          "(and BACKSTAGED_SERVER_KEY, BACKSTAGED_KEY) away"};
}

Fault other_server(const std::string& endpoint, const KeyFiles& files) {
  return {exit_code::permission,
          "CTL-510",
          "whoever is at that endpoint does not prove to be the daemon of that key",
          endpoint,
          "it has another key than the one in " + files.server +
              ", or lets in no more connections of this client for now",
          files.server.ends_with("_secret") ? "--server-key takes the daemon's .key, not its secret"
                                            : "compare that file with the daemon's .key"};
}

Fault not_authorised(const std::string& endpoint, const KeyFiles& files) {
  return {exit_code::permission,
          "CTL-511",
          "the daemon does not let this client's key in",
          endpoint,
          "it does not have the public key that belongs to " + files.own,
          "put NAME.key into the daemon's authorized_keys_dir; its log names the key that it "
          "refused"};
}

}  // namespace

std::optional<std::string> mechanism_of(const std::string& endpoint) try {
  zmq::context_t context{1};
  zmq::socket_t events(context, zmq::socket_type::pair);
  zmq::socket_t socket(context, zmq::socket_type::stream);
  socket.set(zmq::sockopt::linger, 0);
  zmq_socket_monitor(socket.handle(), events_endpoint, ZMQ_EVENT_CONNECT_RETRIED);
  events.connect(events_endpoint);
  socket.connect(endpoint);
  const auto until = Clock::now() + patience;
  std::string greeting;
  while (is_readable(socket, until, &events)) {
    // An empty piece says that the connection stands, or has ended.
    zmq::message_t who;
    zmq::message_t piece;
    if (!socket.recv(who) || !socket.recv(piece)) break;
    if (piece.empty()) {
      if (!greeting.empty()) break;
      socket.send(who, zmq::send_flags::sndmore);
      socket.send(zmq::buffer(half_a_greeting), zmq::send_flags::none);
    }
    greeting.append(piece.to_string_view());
    if (!half_a_greeting.starts_with(greeting.substr(0, 1))) break;
    if (greeting.size() < mechanism_begin + mechanism_bytes) continue;
    const auto mechanism = greeting.substr(mechanism_begin, mechanism_bytes);
    return mechanism.substr(0, mechanism.find('\0'));
  }
  return std::nullopt;
} catch (const zmq::error_t&) {
  return std::nullopt;
}

std::optional<Fault> fault_of_handshake(const std::string& endpoint, const client::curve_keys& keys,
                                        const KeyFiles& files) try {
  const auto mechanism = mechanism_of(endpoint);
  if (!mechanism) return std::nullopt;
  const bool is_curve = *mechanism == "CURVE";
  if (keys.server.empty()) return is_curve ? std::optional(needs_keys(endpoint)) : std::nullopt;
  if (!is_curve) return wants_none(endpoint);
  switch (shake_hands_again(endpoint, keys)) {
    case Ending::refused:
      return not_authorised(endpoint, files);
    case Ending::broken_off:
      return other_server(endpoint, files);
    case Ending::done:
    case Ending::unknown:
      break;
  }
  return std::nullopt;
} catch (const zmq::error_t&) {
  return std::nullopt;
}

}  // namespace backstage::ctl
