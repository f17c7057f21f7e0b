// Plugins built from the headers of ABI 1.0, loaded for ever after: each callback, each function.
#include <backstage/testkit.hpp>

#include <string>
#include <vector>

#include "tests/plugins/fake_host.hpp"
#include "tests/support/catch.hpp"

namespace {

using backstage::testkit::mail;
using backstage::testkit::reaction;
using backstage::testkit::stage;
using Catch::Matchers::Contains;
using namespace std::chrono_literals;

const std::string golden_c = GOLDEN_DIR "/golden_c_1_0.so";
const std::string golden_cpp = GOLDEN_DIR "/golden_cpp_1_0.so";

std::string last(const stage& on, std::string_view address) {
  const auto all = on.published(address);
  return all.empty() ? "(nothing)" : all.back().body;
}

// A stage with the golden actor "g" and an ear for all it publishes.
struct Scene {
  Scene() {
    on.load(golden_c);
    on.spawn("golden", "g", "12345");
    on.subscribe("g/*");
  }
  std::string ask(std::string_view type, std::string_view body = {}) {
    return on.ask("g", type, body);
  }
  stage on;
};

}  // namespace

TEST_CASE("golden: create, receive, reply and log", "[golden]") {
  Scene scene;
  CHECK(scene.ask("total") == "5");
  CHECK(scene.on.request("g", "total", "").get().type == "golden");
  scene.on.send("g", "", "counts");
  CHECK(scene.ask("total") == "6");
  CHECK(scene.on.logs().front().text == "g");
  CHECK_THROWS_WITH(scene.on.spawn("golden", "h", "fail"), Contains("golden was told to fail"));
}

TEST_CASE("golden: its config is heard and may be refused", "[golden]") {
  stage on;
  on.configure("test.golden", "refuse");
  CHECK_THROWS_WITH(on.load(golden_c), Contains("golden's config says refuse"));
}

TEST_CASE("golden: buffers, refusals, late replies and failures", "[golden]") {
  Scene scene;
  auto& on = scene.on;
  CHECK(scene.ask("share", std::string(10'000, 'x')) == "<" + std::string(10'000, 'x'));
  const auto refused = on.request("g", "refuse", "a sentence");
  CHECK(refused.get().error == "unsupported");
  CHECK(refused.get().body == "a sentence");
  const auto kept = on.request("g", "keep", "");
  CHECK_FALSE(kept.is_here());
  CHECK(scene.ask("answer_kept") == "ok");
  CHECK(kept.must() == "at last");
  CHECK_THROWS_WITH(scene.ask("fail"), Contains("golden failed as told"));
  CHECK(on.failures().back().reason == "golden failed as told");
  CHECK(last(on, "g/end") == "end " + std::to_string(BS_END_FAILED));
}

TEST_CASE("golden: publish, retain, subscribe, interest", "[golden]") {
  Scene scene;
  auto& on = scene.on;
  CHECK(scene.ask("publish", "out") == "ok");
  CHECK(last(on, "g/default") == "out");
  CHECK(scene.ask("retain", "kept") == "ok");
  CHECK(on.retained("g/kept") == "kept");
  CHECK(scene.ask("subscribe", "feed/md.*") == "ok");
  on.publish("feed/md.x", "", "1");
  on.publish("feed/md.x", "", "2");
  CHECK(last(on, "g/heard") == "feed/md.x 2 1");
  CHECK(scene.ask("unsubscribe") == "ok");
  on.publish("feed/md.x", "", "3");
  CHECK(last(on, "g/heard") == "feed/md.x 2 1");
  CHECK(scene.ask("watch", "new.*") == "ok");
  on.subscribe("g/new.a");
  CHECK(last(on, "g/interest") == "first");
}

TEST_CASE("golden: self, send, post, ask, spawn, stop", "[golden]") {
  Scene scene;
  auto& on = scene.on;
  on.stub("other", [](const mail& got) {
    return got.body == "other" ? reaction::reply("yes") : reaction::silence();
  });
  CHECK(scene.ask("self", "me") == "ok");
  CHECK(last(on, "g/self") == "me");
  CHECK(scene.ask("send", "other") == "ok");
  CHECK(scene.ask("post", "other") == "ok");
  REQUIRE(on.received("other").size() == 2);
  CHECK(on.received("other")[0].from == "g");
  CHECK(on.received("other")[1].from.empty());
  CHECK(on.request("g", "send", "nobody").get().error == "no_actor");
  CHECK(scene.ask("ask", "other") == "they replied");
  CHECK(scene.ask("spawn", "child") == "ok");
  CHECK(on.phase("child") == "running");
  on.send("child", "", "");
  CHECK(on.phase("child") == "gone");
  on.send("g", "stop", "");
  CHECK(on.phase("g") == "gone");
  CHECK(last(on, "g/end") == "end " + std::to_string(BS_END_STOPPED));
  on.spawn("golden", "g");
  CHECK(scene.ask("stop_self") == "ok");
  CHECK(on.phase("g") == "gone");
}

TEST_CASE("golden: timers, monitors and metrics", "[golden]") {
  Scene scene;
  auto& on = scene.on;
  CHECK(scene.ask("once") == "ok");
  on.advance(300ms);
  CHECK(on.published("g/timer").size() == 1);
  CHECK(scene.ask("every") == "ok");
  on.advance(250ms);
  CHECK(on.published("g/timer").size() == 3);
  CHECK(last(on, "g/timer") == "mine");
  CHECK(scene.ask("cancel") == "ok");
  on.advance(1s);
  CHECK(on.published("g/timer").size() == 3);

  on.spawn("golden_bare", "b");
  CHECK(scene.ask("monitor", "b") == "ok");
  on.stop("b");
  CHECK(last(on, "g/down") == "b stopped 0");
  on.spawn("golden_bare", "b");
  CHECK(scene.ask("monitor", "b") == "ok");
  CHECK(scene.ask("demonitor", "b") == "ok");
  on.stop("b");
  CHECK(on.published("g/down").size() == 1);

  CHECK(scene.ask("count") == "ok");
  CHECK(scene.ask("count") == "ok");
  CHECK(scene.ask("gauge") == "ok");
  CHECK(on.metric("golden_counts") == 4.0);
  CHECK(on.metric("golden_gauge") == 1.5);
}

TEST_CASE("golden: save, load and destroy by the tables themselves", "[golden]") {
  FakeHost host;
  const bs_plugin* plugin = host.load(golden_c);
  REQUIRE(plugin != nullptr);
  CHECK(plugin->struct_size == 72);
  REQUIRE(plugin->type_count == 2);
  CHECK(plugin->types[0]->struct_size == 64);
  CHECK(plugin->types[1]->save == nullptr);
  CHECK(plugin->init({}) == BS_OK);

  HostedActor first(host, plugin, "123");
  CHECK(first.ask("", "total") == "3");
  const std::string state = first.save();
  CHECK(state == std::string("\3\0\0\0\0\0\0\0", 8));
  HostedActor heir(host, plugin, 1, state);
  REQUIRE(heir.created == BS_OK);
  CHECK(heir.ask("", "total") == "3");
  first.end(BS_END_UPGRADED);
  CHECK(host.published.back().body == "end 2");
  CHECK(heir.request("", "keep") == BS_OK);
  CHECK(heir.try_save() == BS_E_BUSY);
  for (const std::string bad : {"", "short", "much too long"}) {
    const HostedActor none(host, plugin, 1, bad);
    CHECK(none.created == BS_E_ARG);
    CHECK(host.error_text == "golden knows no such state");
  }
  const HostedActor newer(host, plugin, 2, state);
  CHECK(newer.created == BS_E_ARG);
  host.refuse_next("write", BS_E_TOO_LARGE);
  HostedActor full(host, plugin);
  CHECK(full.try_save() == BS_E_TOO_LARGE);
  CHECK(plugin->quiesce(0) == BS_E_BUSY);
  CHECK(plugin->quiesce(1) == BS_OK);
  plugin->fini();
  CHECK_THAT(host.logged.back(), Contains("fini after 1 init, 2 quiesce"));
}

TEST_CASE("golden: what the C++ SDK of that day compiled goes on", "[golden]") {
  stage on;
  on.load(golden_cpp);
  on.spawn("golden_cpp", "g", R"({"start": 40})");
  on.subscribe("g/*");
  on.stub("other", [](const mail& got) { return reaction::reply(got.body + "!"); });
  CHECK(on.ask("g", "add", "2") == "42");
  CHECK(on.retained("g/default") == "42");
  CHECK(on.metric("golden_adds") == 1.0);
  CHECK(on.ask("g", "ask", "other") == "from golden!");
  on.send("g", "later", "10");
  on.advance(10ms);
  CHECK(last(on, "g/late") == "now");
  CHECK(on.request("g", "add", "x").get().error == "bad_arg");
  CHECK(on.request("g", "no", "").get().error == "unsupported");
  CHECK(on.request("g", "ask", "nobody").get().error == "actor_failed");

  FakeHost host;
  const bs_plugin* plugin = host.load(golden_cpp);
  HostedActor first(host, plugin);
  CHECK(first.ask("7", "add") == "7");
  HostedActor heir(host, plugin, 1, first.save());
  CHECK(heir.ask("1", "add") == "8");
}

TEST_CASE("golden: tables smaller than, equal to and larger than the host's all serve",
          "[golden]") {
  for (const std::string size : {"smaller", "equal", "larger"}) {
    INFO(size);
    stage on;
    on.load(GOLDEN_TABLES "/tables_" + size + ".so");
    on.spawn(size, "t");
    CHECK(on.ask("t", "", "") == size);
    on.stop("t");
  }
}

TEST_CASE("golden: a host whose table is too small is refused by its plugins, a larger one serves",
          "[golden]") {
  for (const auto& file : {golden_c, golden_cpp}) {
    FakeHost host;
    const bs_plugin* plugin = host.load(file);
    REQUIRE(plugin != nullptr);
    CHECK(host.load_with(file, sizeof(bs_api) - sizeof(void*)) == nullptr);
    CHECK(host.load_with(file, sizeof(bs_api) + 64) != nullptr);
    FakeHost bare;
    bare.offers_extensions = false;
    CHECK((bare.load(file) == nullptr) == (file == golden_c));
  }
}
