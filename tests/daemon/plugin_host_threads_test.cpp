// Plugins under the real worker pool: turns of several actors at once, posts from plugin threads.
#include <chrono>
#include <thread>

#include "core/worker_pool.hpp"
#include "tests/daemon/plugin_host_theatre.hpp"
#include "tests/support/catch.hpp"

namespace backstage::plugin_host::test {
namespace {

using namespace std::chrono_literals;

template <class Predicate>
bool eventually(Predicate predicate) {
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (!predicate()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

// Called from several workers at once.
class Silence final : public Observer {
 public:
  void spawned(ActorId, std::string_view, std::string_view) noexcept override {}
  void started(ActorId, std::string_view, std::string_view) noexcept override {}
  void failed(ActorId, std::string_view, std::string_view) noexcept override {}
  void restarting(ActorId, std::string_view, Duration) noexcept override {}
  void abandoned(ActorId, std::string_view) noexcept override {}
  void parked(ActorId, std::string_view, std::string_view) noexcept override {}
  void ended(ActorId, std::string_view, EndReason) noexcept override {}
  void dead_letter(DeadCause, std::string_view, std::string_view) noexcept override {}
};

}  // namespace

TEST_CASE("actors of plugins run on several workers at once and lose nothing", "[plugin_host]") {
  constexpr int actors = 4;
  constexpr int messages = 2'000;
  TempDir directory;
  TempDir runtime;
  for (const auto& plugin : {shipped("counter"), shipped("counter_c"), probe_plugin()}) {
    fs::copy_file(plugin, directory.path() / plugin.filename());
  }
  MonotonicClock clock;
  WorkerPool pool{clock};
  NoFaults faults;
  Silence observer;
  Engine engine{{clock, pool, pool, faults, observer}, {}};
  RecordedEvents events;
  PluginHost host{engine, events, {.loader = {.staging_parents = {runtime.path()}}}};
  REQUIRE(host.load_directory(directory.path()));

  std::vector<std::string> names;
  for (int i = 0; i < actors; ++i) {
    names.push_back("tally:" + std::to_string(i));
    REQUIRE(engine.spawn({.type = i % 2 == 0 ? "counter" : "counter_c", .name = names.back()}));
  }
  REQUIRE(engine.spawn({.type = "probe", .name = "poster"}));
  pool.start(2, [&](TimePoint now) { return engine.fire_due(now); });
  for (int i = 0; i < messages; ++i) {
    for (const auto& name : names)
      REQUIRE(engine.send(name, {.type = {}, .payload = Payload{"1"}}));
    REQUIRE(engine.send("poster", {.type = "post", .payload = Payload{"tally:0 1"}}));
  }
  REQUIRE(eventually([&] { return engine.is_quiet(); }));

  for (const auto& name : names) {
    CAPTURE(name);
    const auto total = name == "tally:0" ? 2 * messages : messages;
    const auto last = engine.retained(*Address::parse(name));
    REQUIRE(last);
    CHECK(last->payload.text() == std::to_string(total));
  }
  CHECK(engine.stats().ledger.is_balanced());
  engine.stop_all();
  REQUIRE(eventually([&] { return engine.hosted_actors() == 0; }));
  host.shutdown(1s);
  for (const auto& plugin : host.list()) CHECK(plugin.state == State::retired);
  pool.stop();
}

}  // namespace backstage::plugin_host::test
