// CURVE, ZAP and the gate over real libzmq: who gets in, as whom, how many, and until when.
#include <fmt/core.h>

#include <array>
#include <chrono>
#include <optional>
#include <string>

#include "daemon/policy/z85.hpp"
#include "daemon/transport/connection_gate.hpp"
#include "tests/daemon/temp_dir.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/gateway_service.hpp"
#include "tests/support/zmq_client.hpp"

namespace backstage::gateway::test {
namespace {

using backstage::test::ZmqClient;
using namespace std::chrono_literals;

struct KeyPair {
  KeyPair() {
    std::array<char, 41> open_text{};
    std::array<char, 41> secret_text{};
    REQUIRE(zmq_curve_keypair(open_text.data(), secret_text.data()) == 0);
    open = open_text.data();
    secret = secret_text.data();
  }
  std::string open;
  std::string secret;
};

policy::Rule rule(std::string user, bool allows, std::initializer_list<std::string_view> entries) {
  policy::Rule made{.user = std::move(user), .allows = allows, .entries = {}};
  for (const auto text : entries) made.entries.push_back(policy::parse_entry(text).value());
  return made;
}

// Every door by CURVE, and cmd in the open beside it; desk and feed are let in.
struct Guarded {
  explicit Guarded(const std::function<void(Options&)>& change = [](Options&) {}) {
    service.emplace(options(change));
    service->add("echo", [](Context& of_echo, const Envelope& envelope) -> Outcome {
      if (envelope.kind == Kind::request) {
        const Payload sender(envelope.sender_name.text());
        (void)of_echo.reply(envelope.request_ref(), {{}, sender});
      }
      return Handled::done;
    });
    const auto started = service->gateway.start();
    if (!started) throw std::runtime_error(started.error().text);
    bound = *started;
  }

  Options options(const std::function<void(Options&)>& change) {
    Options made;
    made.epoch = "e10e9ffb";
    const Endpoint curve{.address = "tcp://127.0.0.1:*", .is_curve = true};
    made.cmd = {curve, {.address = "tcp://127.0.0.1:*"}};
    made.pub = {curve};
    made.ingest = {curve};
    made.curve.secret = std::make_shared<const policy::SecretKey>(server.secret);
    made.curve.keys = keys(true);
    made.acl = {rule("curve:*", true, {"*"})};
    change(made);
    return made;
  }
  policy::AuthorizedKeys keys(bool with_desk) const {
    policy::AuthorizedKeys made;
    if (with_desk) REQUIRE(made.add("desk", policy::decode_key(desk.open).value()));
    REQUIRE(made.add("feed", policy::decode_key(feed.open).value()));
    return made;
  }
  [[nodiscard]] const Counters& counters() const { return service->gateway.counters(); }

  KeyPair server;
  KeyPair desk;
  KeyPair feed;
  std::optional<GatewayService> service;
  BoundEndpoints bound;
  ZmqClient::Context context;
};

struct Client : ZmqClient {
  Client(Guarded& guarded, int type, const std::string& endpoint, const KeyPair& own)
      : ZmqClient(guarded.context, type) {
    set(ZMQ_CURVE_SERVERKEY, guarded.server.open);
    set(ZMQ_CURVE_PUBLICKEY, own.open);
    set(ZMQ_CURVE_SECRETKEY, own.secret);
    connect(endpoint);
  }
  Client(Guarded& guarded, const KeyPair& own)
      : Client(guarded, ZMQ_DEALER, guarded.bound.cmd.at(0), own) {}
};

template <class Holds>
bool soon(Holds holds, std::chrono::milliseconds within = 5s) {
  const auto end = std::chrono::steady_clock::now() + within;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST_CASE("an authorised key is served under its own name", "[gateway][zmq][curve]") {
  Guarded guarded;
  Client desk(guarded, guarded.desk);
  CHECK(desk.ask("REQ echo id=1\nx").starts_with("REP 1\nclient."));
  CHECK(desk.ask("HELLO v=1 id=2").starts_with("WELCOME v=1"));
  ZmqClient local(guarded.context, ZMQ_DEALER);
  local.connect(guarded.bound.cmd.at(1));
  CHECK(local.ask("REQ echo id=1\nx").starts_with("REP 1\nclient."));
  CHECK(guarded.counters().auth_refused.get() == 0);
}

TEST_CASE("strangers of every kind get no service, and the daemon lives", "[gateway][zmq][curve]") {
  Guarded guarded;
  const KeyPair stranger;
  Client unknown(guarded, stranger);
  ZmqClient plain_text(guarded.context, ZMQ_DEALER);
  plain_text.connect(guarded.bound.cmd.at(0));
  ZmqClient plain(guarded.context, ZMQ_DEALER);
  plain.set(ZMQ_PLAIN_USERNAME, "admin");
  plain.set(ZMQ_PLAIN_PASSWORD, "admin");
  plain.connect(guarded.bound.cmd.at(0));
  ZmqClient plain_to_null(guarded.context, ZMQ_DEALER);
  plain_to_null.set(ZMQ_PLAIN_USERNAME, "admin");
  plain_to_null.set(ZMQ_PLAIN_PASSWORD, "admin");
  plain_to_null.connect(guarded.bound.cmd.at(1));
  ZmqClient wrong_server(guarded.context, ZMQ_DEALER);
  wrong_server.set(ZMQ_CURVE_SERVERKEY, stranger.open);
  wrong_server.set(ZMQ_CURVE_PUBLICKEY, guarded.desk.open);
  wrong_server.set(ZMQ_CURVE_SECRETKEY, guarded.desk.secret);
  wrong_server.connect(guarded.bound.cmd.at(0));
  // The public key of another is no use without its secret.
  ZmqClient impostor(guarded.context, ZMQ_DEALER);
  impostor.set(ZMQ_CURVE_SERVERKEY, guarded.server.open);
  impostor.set(ZMQ_CURVE_PUBLICKEY, guarded.desk.open);
  impostor.set(ZMQ_CURVE_SECRETKEY, stranger.secret);
  impostor.connect(guarded.bound.cmd.at(0));
  for (auto* one : {static_cast<ZmqClient*>(&unknown), &plain_text, &plain, &plain_to_null,
                    &wrong_server, &impostor}) {
    (void)one->say("REQ echo id=1\nx");
  }
  CHECK(soon([&] { return guarded.counters().auth_refused.get() >= 1; }));
  Client desk(guarded, guarded.desk);
  CHECK(desk.ask("REQ echo id=1\nx").starts_with("REP 1\n"));
  for (auto* one : {static_cast<ZmqClient*>(&unknown), &plain_text, &plain, &plain_to_null,
                    &wrong_server, &impostor}) {
    CHECK_FALSE(one->hear(50ms));
  }
  CHECK(guarded.counters().messages_in.get() == 1);
}

TEST_CASE("a key that goes ends sessions, subscribers and feeders within a second",
          "[gateway][zmq][curve]") {
  Guarded guarded;
  Client desk(guarded, guarded.desk);
  Client feed(guarded, guarded.feed);
  Client sub(guarded, ZMQ_SUB, guarded.bound.pub.at(0), guarded.desk);
  sub.set(ZMQ_SUBSCRIBE, "$sys/tick|");
  Client push(guarded, ZMQ_PUSH, guarded.bound.ingest.at(0), guarded.desk);
  REQUIRE(desk.ask("HELLO v=1 name=desk").starts_with("WELCOME"));
  REQUIRE(feed.ask("PING").starts_with("PONG"));
  REQUIRE(sub.hear()->starts_with("$sys/tick|"));
  REQUIRE(push.say("SEND echo\nx"));
  REQUIRE(soon([&] { return guarded.counters().ingested.get() == 1; }));
  const auto begin = std::chrono::steady_clock::now();
  REQUIRE(guarded.service->gateway.set_keys(guarded.keys(false)));
  CHECK(desk.hear() == "BYE 401 unauthenticated");
  CHECK(soon([&] { return guarded.counters().connections.get() == 1; }));
  CHECK(std::chrono::steady_clock::now() - begin < 1s);
  // They come back and are refused; who kept a key notices nothing.
  (void)desk.say("REQ echo id=9\nx");
  CHECK(feed.ask("REQ echo id=1\nx").starts_with("REP 1\n"));
  CHECK_FALSE(sub.hear(1'200ms));
  CHECK_FALSE(desk.hear(10ms));
  // Let in again by the same key.
  REQUIRE(guarded.service->gateway.set_keys(guarded.keys(true)));
  Client again(guarded, guarded.desk);
  CHECK(again.ask("REQ echo id=1\nx").starts_with("REP 1\n"));
}

TEST_CASE("pub is open only to who may subscribe to everything", "[gateway][zmq][curve]") {
  Guarded guarded([](Options& options) {
    options.acl = {rule("curve:desk", true, {"sub"}), rule("curve:feed", true, {"sub:a/*"})};
  });
  Client all(guarded, ZMQ_SUB, guarded.bound.pub.at(0), guarded.desk);
  all.set(ZMQ_SUBSCRIBE, "$sys/tick|");
  Client some(guarded, ZMQ_SUB, guarded.bound.pub.at(0), guarded.feed);
  some.set(ZMQ_SUBSCRIBE, "$sys/tick|");
  CHECK(all.hear()->starts_with("$sys/tick|"));
  CHECK_FALSE(some.hear(1'200ms));
  REQUIRE(guarded.service->gateway.set_rules({rule("curve:desk", true, {"send"})}));
  (void)all.hear(200ms);
  CHECK_FALSE(all.hear(1'200ms));
}

TEST_CASE("one remote principal has so many connections", "[gateway][zmq][curve]") {
  Guarded guarded([](Options& options) { options.limits.connections_per_principal_max = 2; });
  Client one(guarded, guarded.desk);
  Client two(guarded, guarded.desk);
  REQUIRE(one.ask("PING").starts_with("PONG"));
  REQUIRE(two.ask("PING").starts_with("PONG"));
  Client three(guarded, guarded.desk);
  (void)three.say("PING");
  CHECK_FALSE(three.hear(300ms));
  Client feed(guarded, guarded.feed);
  CHECK(feed.ask("PING").starts_with("PONG"));
  // A place becomes free: libzmq tries again by itself.
  one.close();
  CHECK(three.hear().value_or("nothing").starts_with("PONG"));
}

TEST_CASE("a few connections over the cap may stay, a crowd is cut down to them", "[gateway]") {
  for (const auto& [cap, open, surplus] : {std::array<std::size_t, 3>{256, 256, 0},
                                           {256, 384, 0},
                                           {256, 385, 1},
                                           {256, 1'000, 616},
                                           {8, 16, 0},
                                           {8, 17, 1}}) {
    CAPTURE(cap, open);
    CHECK(transport::ConnectionGate(cap).surplus(open) == surplus);
  }
}

TEST_CASE("over the cap new connections wait outside until some leave", "[gateway][zmq]") {
  auto options = GatewayService::loopback();
  options.limits.connections_max = 8;
  const backstage::daemon::TempDir folder;
  options.cmd.push_back({.address = "ipc://" + folder.path("cmd.sock")});
  GatewayService service(options);
  const auto bound = service.gateway.start();
  REQUIRE(bound);
  ZmqClient::Context context;
  const auto connect = [&](std::size_t door = 0) {
    auto client = std::make_unique<ZmqClient>(context, ZMQ_DEALER);
    client->connect(bound->cmd.at(door));
    return client;
  };
  std::vector<std::unique_ptr<ZmqClient>> inside;
  for (int i = 0; i < 8; ++i) {
    inside.push_back(connect());
    REQUIRE(inside.back()->ask("PING").starts_with("PONG"));
  }
  REQUIRE(soon([&] { return service.gateway.counters().gate_closed.get() == 1; }));
  const auto outside = connect();
  const auto by_ipc = connect(1);
  (void)outside->say("PING");
  (void)by_ipc->say("PING");
  CHECK_FALSE(outside->hear(300ms));
  CHECK_FALSE(by_ipc->hear(10ms));
  for (auto& one : inside) CHECK(one->ask("PING").starts_with("PONG"));
  inside.pop_back();
  inside.pop_back();
  CHECK(by_ipc->hear().value_or("nothing").starts_with("PONG"));
  // A dropped SYN is sent again after a second.
  CHECK(outside->hear(10s).value_or("nothing").starts_with("PONG"));
}

TEST_CASE("a SUB socket that sets too many filters is cut, others are served",
          "[gateway][zmq][curve]") {
  Guarded guarded([](Options& options) { options.limits.subscriptions_per_principal_max = 50; });
  Client flood(guarded, ZMQ_SUB, guarded.bound.pub.at(0), guarded.feed);
  for (int i = 0; i < 200; ++i) flood.set(ZMQ_SUBSCRIBE, fmt::format("a/{}|", i));
  Client polite(guarded, ZMQ_SUB, guarded.bound.pub.at(0), guarded.desk);
  polite.set(ZMQ_SUBSCRIBE, "$sys/tick|");
  CHECK(polite.hear()->starts_with("$sys/tick|"));
  CHECK(soon([&] { return guarded.counters().cut.get() >= 1; }));
}

TEST_CASE("an endpoint that is to be CURVE does not start without a key", "[gateway][zmq][curve]") {
  Options options;
  options.epoch = "e10e9ffb";
  options.cmd = {{.address = "tcp://127.0.0.1:*", .is_curve = true}};
  GatewayService service(options);
  const auto started = service.gateway.start();
  REQUIRE_FALSE(started);
  CHECK(started.error().text.find("gateway.curve") != std::string::npos);
}

TEST_CASE("what remains plaintext beyond loopback is refused unless it is meant",
          "[gateway][zmq][curve]") {
  Options options;
  options.epoch = "e10e9ffb";
  options.cmd = {{.address = "tcp://0.0.0.0:*"}};
  CHECK_FALSE(GatewayService(options).gateway.start());
  options.allow_remote_plaintext = true;
  GatewayService meant(options);
  const auto bound = meant.gateway.start();
  REQUIRE(bound);
}

}  // namespace
}  // namespace backstage::gateway::test
