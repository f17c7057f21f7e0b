// Continuations of the SDK: requests, timers and monitors that go on in a callable.
#include <backstage/plugin.hpp>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/plugins/fake_host.hpp"
#include "tests/support/catch.hpp"

namespace {

using backstage::context;
using backstage::message;
using backstage::milliseconds;
using backstage::reply;

using Act = std::function<backstage::status(message, context&)>;

/// Does what the test says at the next message; writes down what reaches `on`.
struct Later {
  static constexpr char name[] = "later";
  static constexpr unsigned state_version = 1;

  backstage::status on(message m, context& ctx) {
    kinds.push_back(m.kind());
    if (const Act now = std::exchange(next, {})) return now(m, ctx);
    return {};
  }
  void on_end(backstage::ended why, context& ctx) {
    ends.push_back(why);
    if (why == backstage::ended::shutdown) ctx.send("there", "goodbye").must();
    if (why == backstage::ended::failed) throw std::runtime_error("not even that");
  }
  void save(backstage::writer& out) const { out.put(std::int32_t{7}); }
  void load(backstage::reader& in, unsigned) {
    std::int32_t seven = 0;
    in.get(seven);
  }

  inline static Act next;
  inline static std::vector<backstage::message_kind> kinds;
  inline static std::vector<backstage::ended> ends;
};

/// Sets up its timer where every self does: in the constructor.
struct Ticking {
  static constexpr char name[] = "ticking";
  Ticking(backstage::config, context& ctx) {
    ctx.every(milliseconds{10}, [this] { ++ticks; }).must();
  }
  void on(message, context& ctx) { ctx.reply(ticks); }
  int ticks = 0;
};

struct Scene {
  Scene() {
    Later::next = {};
    Later::kinds.clear();
    Later::ends.clear();
    there = host.add_actor("there");
    const bs_plugin* plugin = backstage::detail::enter<backstage::detail::no_hooks, Later, Ticking>(
        host.api(), "later", "1.0.0", 0);
    actor = std::make_unique<HostedActor>(host, plugin);
    ticking = std::make_unique<HostedActor>(host, plugin, "", 1);
  }
  void act(Act what) {
    Later::next = std::move(what);
    REQUIRE(actor->request("") == BS_OK);
  }
  [[nodiscard]] std::uint64_t asked() const { return host.asked.back().corr; }
  [[nodiscard]] std::uint64_t timer() const { return host.timers.rbegin()->first; }

  FakeHost host;
  bs_addr there{};
  std::unique_ptr<HostedActor> actor, ticking;
};

}  // namespace

TEST_CASE("a request goes on in its callable, which answers the first asker", "[later]") {
  Scene scene;
  scene.act([](message m, context& ctx) {
    ctx.request("there", "price?", milliseconds{250})
        .then([asker = m.request()](const reply& r, context& later) {
          later.reply(asker, "it is " + std::string{r.must().body()});
        });
    return backstage::status{};
  });
  REQUIRE(scene.host.asked.size() == 1);
  CHECK(scene.host.asked[0].flags == 250);
  CHECK(scene.actor->answer(scene.asked(), "42") == BS_OK);
  REQUIRE(scene.host.replied.size() == 1);
  CHECK(scene.host.replied[0].body == "it is 42");

  CHECK(scene.actor->answer(scene.asked(), "again") == BS_OK);
  CHECK(scene.host.replied.size() == 1);
  CHECK(Later::kinds ==
        std::vector{backstage::message_kind::request, backstage::message_kind::reply});
}

TEST_CASE("a continuation learns of a timeout, and what it throws fails the actor", "[later]") {
  Scene scene;
  std::vector<std::string> told;
  const auto ask = [&told](message, context& ctx) {
    ctx.request(ctx.resolve("there").must(), "x").then([&told](const reply& r) {
      told.emplace_back(r.status().name());
      told.emplace_back(r.why());
      r.must();
    });
    return backstage::status{};
  };
  scene.act(ask);
  CHECK(scene.actor->answer(scene.asked(), "nobody came", BS_E_TIMEOUT) == BS_E_TIMEOUT);
  CHECK(told == std::vector<std::string>{"timeout", "nobody came"});
  CHECK(scene.host.error_text == "a request was answered timeout: nobody came");
}

TEST_CASE("a request that is refused at once calls its continuation at once", "[later]") {
  Scene scene;
  std::vector<std::string> told;
  scene.act([&](message, context& ctx) {
    ctx.request("nowhere", "x").then([&](const reply& r) { told.emplace_back(r.status().name()); });
    scene.host.refuse_next("request", BS_E_REQUESTS_FULL);
    ctx.request("there", "x").then([&](const reply& r, context&) {
      told.emplace_back(r.status().name());
    });
    CHECK_THROWS_AS(ctx.request("nowhere", "x").then([] { return backstage::status{BS_E_FAIL}; }),
                    backstage::error);
    return backstage::status{};
  });
  CHECK(told == std::vector<std::string>{"no_actor", "requests_full"});
  CHECK(scene.host.asked.empty());
}

TEST_CASE("a continuation may return a status, ask again, and own what cannot be copied",
          "[later]") {
  Scene scene;
  scene.act([](message, context& ctx) {
    auto count = std::make_unique<int>(1);
    ctx.request("there", "first").then([count = std::move(count)](const reply&, context& later) {
      ++*count;
      later.request("there", "second").then([n = *count](const reply&) {
        return backstage::status{n == 2 ? BS_STOP : BS_E_FAIL};
      });
    });
    return backstage::status{};
  });
  CHECK(scene.actor->answer(scene.asked(), "") == BS_OK);
  CHECK(scene.host.asked.size() == 2);
  CHECK(scene.actor->answer(scene.asked(), "") == BS_STOP);
}

TEST_CASE("a timer calls its callable once; a cancelled one is given up", "[later]") {
  Scene scene;
  auto alive = std::make_shared<int>(0);
  scene.act([alive](message, context& ctx) {
    ctx.after(milliseconds{100}, [alive] { ++*alive; }).must();
    return backstage::status{};
  });
  const std::uint64_t first = scene.timer();
  CHECK(scene.actor->fire(first) == BS_OK);
  CHECK(*alive == 1);
  CHECK(alive.use_count() == 1);

  scene.act([alive](message, context& ctx) {
    const auto id = ctx.after(milliseconds{100}, [alive] { ++*alive; }).must();
    CHECK(alive.use_count() > 2);
    ctx.cancel(id).must();
    return backstage::status{};
  });
  CHECK(alive.use_count() == 1);
  CHECK(*alive == 1);
}

TEST_CASE("a periodic timer calls its callable each time, until it cancels itself", "[later]") {
  Scene scene;
  int fired = 0;
  std::uint64_t id = 0;
  scene.act([&](message, context& ctx) {
    id = ctx.every(milliseconds{10},
                   [&, kept = std::string(100, 'x')](context& later) {
                     if (++fired == 3) later.cancel(id).must();
                     CHECK(kept.size() == 100);
                   })
             .must();
    return backstage::status{};
  });
  for (int i = 0; i < 3; ++i) CHECK(scene.actor->fire(id) == BS_OK);
  CHECK(fired == 3);
  CHECK_FALSE(scene.host.timers.contains(id));

  scene.host.refuse_next("set_timer", BS_E_TIMERS_FULL);
  scene.act([](message, context& ctx) {
    CHECK(ctx.after(milliseconds{1}, [] {}).status().code() == BS_E_TIMERS_FULL);
    CHECK(ctx.every(milliseconds{0}, [] {}).status().code() == BS_E_ARG);
    return backstage::status{};
  });
}

TEST_CASE("a monitor tells its callable who ended and why; a later one takes its place",
          "[later]") {
  Scene scene;
  std::string told;
  scene.act([&](message, context& ctx) {
    const auto who = ctx.resolve("there").must();
    CHECK(ctx.monitor(backstage::address{}, [](const backstage::down&) {}).code() == BS_E_ARG);
    ctx.monitor(who, [&](const backstage::down&) { told = "the first"; }).must();
    ctx.monitor(who,
                [&](const backstage::down& end, context&) {
                  told = std::string{end.name()} + " " + std::string{end.reason()};
                })
        .must();
    return backstage::status{};
  });
  CHECK(scene.actor->tell_down(scene.there, "there", "stopped") == BS_OK);
  CHECK(told == "there stopped");
  told.clear();
  CHECK(scene.actor->tell_down(scene.there, "there", "stopped") == BS_OK);
  CHECK(told.empty());

  scene.act([&](message, context& ctx) {
    const auto who = ctx.resolve("there").must();
    ctx.monitor(who, [&] { told = "too late"; }).must();
    ctx.demonitor(who).must();
    return backstage::status{};
  });
  CHECK(scene.actor->tell_down(scene.there, "there", "stopped") == BS_OK);
  CHECK(told.empty());
}

TEST_CASE("save says busy while requests or timers that fire once are open", "[later]") {
  Scene scene;
  CHECK(scene.actor->try_save() == BS_OK);
  scene.act([](message, context& ctx) {
    ctx.request("there", "x").then([] {});
    ctx.after(milliseconds{5}, [] {}).must();
    ctx.every(milliseconds{5}, [] {}).must();
    ctx.monitor(ctx.resolve("there").must(), [](const backstage::down&) {}).must();
    return backstage::status{};
  });
  CHECK(scene.actor->try_save() == BS_E_BUSY);
  CHECK(scene.host.error_text == "2 of its requests and timers are still open");
  CHECK(scene.actor->answer(scene.asked(), "") == BS_OK);
  CHECK(scene.actor->try_save() == BS_E_BUSY);
  for (const auto& [id, timer] : std::map{scene.host.timers}) {
    if (timer.period_ms == 0) CHECK(scene.actor->fire(id) == BS_OK);
  }
  CHECK(scene.actor->try_save() == BS_OK);
}

TEST_CASE(
    "an upgraded self takes its periodic callables along, a stopped one leaves the host to it",
    "[later]") {
  Scene scene;
  const std::uint64_t id = scene.timer();
  CHECK(scene.ticking->fire(id) == BS_OK);
  CHECK(scene.ticking->ask("") == "1");
  scene.ticking->end(BS_END_UPGRADED);
  CHECK(scene.host.timers.empty());
}

TEST_CASE("on_end hears why, may still send, and must not fail", "[later]") {
  for (const std::int32_t reason : {BS_END_SHUTDOWN, BS_END_FAILED, BS_END_STOPPED}) {
    Scene scene;
    scene.actor->end(reason);
    CHECK(Later::ends == std::vector{static_cast<backstage::ended>(reason)});
    CHECK(scene.host.sent.size() == (reason == BS_END_SHUTDOWN ? 1 : 0));
    CHECK(scene.host.logged.size() == (reason == BS_END_FAILED ? 1 : 0));
  }
}
