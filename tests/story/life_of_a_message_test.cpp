// The life of one message, step by step as ARCHITECTURE.md tells it: a SEND from one client, a
// plugin that publishes, a MSG to another client.
#include <zmq.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "core/engine.hpp"
#include "core/faults.hpp"
#include "core/worker_pool.hpp"
#include "daemon/gateway/gateway.hpp"
#include "daemon/log/log.hpp"
#include "daemon/monitor.hpp"
#include "daemon/plugin_host/plugin_host.hpp"
#include "daemon/wire/decode.hpp"
#include "tests/support/catch.hpp"

using namespace backstage;
using namespace std::chrono_literals;

namespace {

using Frames = std::vector<std::string>;

// A client as any user would write it: a plain DEALER.
class Client {
 public:
  explicit Client(const std::string& endpoint)
      : context_(::zmq_ctx_new()), socket_(::zmq_socket(context_, ZMQ_DEALER)) {
    const int none = 0;
    const int patience_ms = 20'000;
    (void)::zmq_setsockopt(socket_, ZMQ_LINGER, &none, sizeof none);
    (void)::zmq_setsockopt(socket_, ZMQ_RCVTIMEO, &patience_ms, sizeof patience_ms);
    REQUIRE(::zmq_connect(socket_, endpoint.c_str()) == 0);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() {
    ::zmq_close(socket_);
    ::zmq_ctx_term(context_);
  }
  void say(const std::string& line) {
    REQUIRE(::zmq_send(socket_, line.data(), line.size(), 0) >= 0);
  }
  Frames hear() {
    Frames frames;
    int more = 1;
    while (more != 0) {
      std::string frame(1024, '\0');
      const int size = ::zmq_recv(socket_, frame.data(), frame.size(), 0);
      REQUIRE(size >= 0);
      frame.resize(static_cast<std::size_t>(size));
      frames.push_back(std::move(frame));
      std::size_t length = sizeof more;
      (void)::zmq_getsockopt(socket_, ZMQ_RCVMORE, &more, &length);
    }
    return frames;
  }

 private:
  void* context_;
  void* socket_;
};

struct House {
  House()
      : log(quiet()), monitor(log), pool(clock), engine({clock, pool, pool, faults, monitor}, {}) {
    directory = std::filesystem::temp_directory_path() / "backstaged-story-XXXXXX";
    REQUIRE(::mkdtemp(directory.data()) != nullptr);
    pool.start(2, [this](TimePoint now) { return engine.fire_due(now); });
  }
  ~House() {
    if (gateway) gateway->stop();
    pool.stop();
    std::filesystem::remove_all(directory);
  }
  static log::LogOptions quiet() {
    log::LogOptions options;
    options.level = log::LogLevel::off;
    return options;
  }

  std::string directory;
  log::Log log;
  daemon::Monitor monitor;
  MonotonicClock clock;
  NoFaults faults;
  WorkerPool pool;
  Engine engine;
  std::unique_ptr<plugin_host::PluginHost> plugins;
  std::unique_ptr<gateway::Gateway> gateway;
};

}  // namespace

TEST_CASE("a message lives from a client through a plugin to another client", "[story]") {
  House house;

  // A plugin is judged, staged, loaded; its type is the engine's; an actor of it is spawned.
  plugin_host::Options plugin_options;
  plugin_options.loader.staging_parents = {house.directory};
  plugin_options.loader.config_of = [](std::string_view) { return std::string{}; };
  plugin_options.settings_of = [](std::string_view) { return plugin_host::TypeSettings{}; };
  house.plugins = std::make_unique<plugin_host::PluginHost>(house.engine, house.monitor,
                                                            std::move(plugin_options));
  const auto loaded = house.plugins->load_directory(STORY_PLUGINS);
  REQUIRE(loaded);
  REQUIRE(house.engine.spawn({.type = "counter", .name = "counter"}));

  // The gateway binds a free port: two clients connect, one subscribes.
  gateway::Options options;
  options.cmd = {{"tcp://127.0.0.1:*"}};
  options.epoch = "0badcafe";
  house.gateway =
      std::make_unique<gateway::Gateway>(house.engine, house.clock, options, house.monitor);
  const auto bound = house.gateway->start();
  REQUIRE(bound);
  Client subscriber(bound->cmd.front());
  Client sender(bound->cmd.front());
  subscriber.say("SUB counter/default id=1");
  CHECK(subscriber.hear() == Frames{"OK 1 sub=1 seq=0"});

  // Steps 1 to 3: the bytes are a line and a payload, and the line is a command.
  const std::string bytes = "SEND counter id=7\n5";
  const std::string_view frames[] = {bytes};
  const auto message = wire::split(frames);
  REQUIRE(message);
  CHECK(message->payload == "5");
  const auto command = wire::decode(message->control);
  REQUIRE(command);
  CHECK(std::get<wire::Send>(*command).actor == "counter");

  // Steps 1 to 6 for real: the counter's mailbox takes it, and the sender is told so.
  sender.say(bytes);
  CHECK(sender.hear() == Frames{"OK 7"});

  // Steps 7 to 13: the counter runs, publishes, and the subscriber has number 1.
  CHECK(subscriber.hear() == Frames{"MSG 1 counter/default 1 counter", "5"});

  // The topic keeps what the counter retained (step 10), under the counter's own name.
  const auto value = house.engine.retained(*Address::parse("counter/default"));
  REQUIRE(value);
  CHECK(value->seq == 1);
  CHECK(value->sender == "counter");

  // A reply takes the same corridor back: what was published before it comes before it.
  subscriber.say("REQ counter id=8\n10");
  CHECK(subscriber.hear() == Frames{"MSG 1 counter/default 2 counter", "15"});
  CHECK(subscriber.hear() == Frames{"REP 8", "15"});

  // The end: clients hear BYE, actors end, and the ledger accounts for every delivery.
  house.gateway->begin_draining(1s);
  CHECK(sender.hear() == Frames{"DRAINING 1000"});
  house.engine.close_intake();
  house.engine.stop_all();
  while (house.engine.hosted_actors() != 0) {
    // Bounded by the test's own time limit.
  }
  house.gateway->stop();
  CHECK(sender.hear() == Frames{"BYE 503 stopping"});
  house.pool.stop();
  const Ledger ledger = house.engine.stats().ledger;
  CHECK(ledger.is_balanced());
  CHECK(ledger.queued == 0);
}
