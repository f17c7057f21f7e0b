// probe as built: each command does what its head comment says, since tests of the daemon lean on
// it.
#include "tests/plugins/fake_host.hpp"
#include "tests/support/catch.hpp"

namespace {

const std::string file = TEST_PLUGINS_DIR "/probe.so";

bs_slice slice(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

TEST_CASE("probe tells its name, echoes, and makes large bodies", "[probe]") {
  FakeHost host;
  HostedActor probe(host, host.load(file));
  CHECK(probe.ask("", "name") == "tested");
  CHECK(probe.ask("x y", "echo") == "x y");
  CHECK(probe.ask("100000", "large") == std::string(100'000, 'x'));
  CHECK(host.replied.back().buf != nullptr);
  CHECK(probe.ask("1", "sleep") == "done");
  CHECK(probe.ask("1", "spin") == "done");
  CHECK(host.buffers_alive == 0);
}

TEST_CASE("probe refuses unknown commands and bad numbers", "[probe]") {
  FakeHost host;
  HostedActor probe(host, host.load(file));
  CHECK(probe.ask("", "nonsense")
            .starts_with("tested takes no message of type nonsense; it takes name, echo, "));
  CHECK(host.replied.back().status == BS_E_NOSUP);
  CHECK(probe.ask("long", "sleep") == "probe wants a number from 0 to 3600000, not \"long\"");
  CHECK(probe.ask("-1", "spin").find("number") != std::string::npos);
  CHECK(probe.ask("topic", "publish").find("number") != std::string::npos);
}

TEST_CASE("probe fails by return and by exception", "[probe]") {
  FakeHost host;
  HostedActor probe(host, host.load(file));
  CHECK(probe.request("because", "fail") == BS_E_FAIL);
  CHECK(host.error_text == "because");
  CHECK(probe.send("bang", "throw") == BS_E_FAIL);
  CHECK(host.error_text == "bang");
}

TEST_CASE("probe fails its creation and its plugin's init when told to", "[probe]") {
  FakeHost host;
  const bs_plugin* plugin = host.load(file);
  const HostedActor failed(host, plugin, R"({"init": "fail", "argument": "not today"})");
  CHECK(failed.created == BS_E_FAIL);
  CHECK(host.error_text == "not today");
  CHECK(plugin->init(slice(R"({"fail": "no licence"})")) == BS_E_FAIL);
  CHECK(host.error_text == "no licence");
  CHECK(plugin->init({}) == BS_OK);
  CHECK(plugin->init(slice("[")) == BS_E_ARG);
}

TEST_CASE("probe subscribes, watches and sets timers at its creation", "[probe]") {
  FakeHost host;
  const bs_plugin* plugin = host.load(file);
  const HostedActor a(host, plugin, R"({"init": "subscribe", "argument": "feed/>"})");
  const HostedActor b(host, plugin, R"({"init": "watch", "argument": "md.*"})");
  const HostedActor c(host, plugin, R"({"init": "every", "argument": "20"})");
  const HostedActor d(host, plugin, R"({"init": "after", "argument": "30"})");
  CHECK((a.created | b.created | c.created | d.created) == BS_OK);
  CHECK(host.subscribed == std::vector<std::string>{"feed/>"});
  CHECK(host.watched == std::vector<std::string>{"md.*"});
  REQUIRE(host.timers.size() == 2);
  CHECK(host.timers.begin()->second.period_ms == 20);
  CHECK(host.timers.rbegin()->second.period_ms == 0);
  host.refuse_next("subscribe", BS_E_BAD_ADDR);
  const HostedActor e(host, plugin, R"({"init": "subscribe", "argument": "//"})");
  CHECK(e.created == BS_E_BAD_ADDR);
}

TEST_CASE("probe keeps requests, answers them later, and never answers a mute one", "[probe]") {
  FakeHost host;
  HostedActor probe(host, host.load(file));
  CHECK(probe.request("", "later") == BS_OK);
  CHECK(probe.request("", "later") == BS_OK);
  CHECK(probe.request("", "mute") == BS_OK);
  CHECK(host.replied.empty());
  CHECK(probe.request("now", "answer") == BS_OK);
  REQUIRE(host.replied.size() == 3);
  CHECK(host.replied[0].body == "now");
  CHECK(host.replied[1].body == "now");
  CHECK(host.replied[2].body == "2");
}

TEST_CASE("probe's second reply to one request is refused", "[probe]") {
  FakeHost host;
  HostedActor probe(host, host.load(file));
  CHECK(probe.ask("", "twice") == "first");
  REQUIRE(host.published.size() == 1);
  CHECK(host.published[0].topic == "twice");
  CHECK(host.published[0].body == "no_request");
}

TEST_CASE("probe sends, posts from a thread, and asks on behalf of its asker", "[probe]") {
  FakeHost host;
  const bs_addr other = host.add_actor("other");
  HostedActor probe(host, host.load(file));
  CHECK(probe.ask("other add 5 and 6", "send") == "ok");
  CHECK(host.sent.back().to.w[0] == other.w[0]);
  CHECK(host.sent.back().type == "add");
  CHECK(host.sent.back().body == "5 and 6");
  CHECK(probe.ask("nobody add 5", "send") == "no_actor");
  CHECK(probe.ask("other from outside", "post") == "ok");
  CHECK(host.sent.back().body == "from outside");
  CHECK(probe.ask("nobody x", "post") == "resolve: no_actor");
  CHECK(host.replied.back().status == BS_E_NO_ACTOR);

  REQUIRE(probe.request("other 250 add 5", "ask") == BS_OK);
  REQUIRE(host.asked.size() == 1);
  CHECK(host.asked[0].flags == 250);
  bs_msg reply{};
  reply.kind = BS_MSG_REPLY;
  reply.status = BS_E_TIMEOUT;
  reply.corr = host.asked[0].corr;
  reply.body = slice("too late");
  const std::size_t before = host.replied.size();
  CHECK(probe.receive(reply) == BS_OK);
  REQUIRE(host.replied.size() == before + 1);
  CHECK(host.replied.back().body == "timeout too late");
  CHECK(probe.receive(reply) == BS_OK);
  CHECK(host.replied.size() == before + 1);
}

TEST_CASE("probe publishes in order before it replies, and retains", "[probe]") {
  FakeHost host;
  HostedActor probe(host, host.load(file));
  CHECK(probe.ask("t.x 3", "publish") == "3");
  REQUIRE(host.published.size() == 3);
  CHECK(host.published[0].topic == "t.x");
  CHECK(host.published[2].body == "3");
  CHECK(probe.ask("t.y kept text", "retain") == "ok");
  CHECK(host.published[3].flags == BS_PUBLISH_RETAIN);
  CHECK(host.published[3].body == "kept text");
  host.refuse_next("publish", BS_E_TOPICS_FULL);
  CHECK(probe.ask("t 1", "publish") == "t: topics_full");
}

TEST_CASE("probe subscribes, spawns, monitors and sets timers on demand", "[probe]") {
  FakeHost host;
  host.add_actor("other");
  HostedActor probe(host, host.load(file));
  CHECK(probe.ask("*/md.>", "subscribe") == "1");
  CHECK(probe.ask("1", "unsubscribe") == "ok");
  CHECK(probe.ask("9", "unsubscribe") == "unsubscribe: no_sub");
  CHECK(probe.ask("echo child-1 {\"a\": 1}", "spawn_child") == "created");
  CHECK(host.spawned[0].topic == "{\"a\": 1}");
  CHECK(host.spawned[0].flags == BS_SPAWN_CHILD);
  CHECK(probe.ask("echo child-1", "spawn") == "existing");
  CHECK(probe.ask("other", "monitor") == "ok");
  CHECK(probe.ask("nobody", "monitor") == "resolve: no_actor");
  CHECK(probe.ask("other", "demonitor") == "ok");
  CHECK(host.monitored.size() == 1);
  CHECK(host.demonitored.size() == 1);
  const std::string id = probe.ask("50", "every");
  REQUIRE(host.timers.size() == 1);
  CHECK(std::to_string(host.timers.begin()->first) == id);
  CHECK(probe.ask(id, "cancel") == "ok");
  CHECK(probe.ask(id, "cancel") == "cancel: no_timer");
  CHECK(probe.ask("10", "after").size() > 0);
  CHECK(probe.ask("md.*", "watch") == "ok");
  host.refuse_next("watch", BS_E_BAD_ADDR);
  CHECK(probe.ask("..", "watch") == "watch: bad_addr");
  CHECK(probe.ask("", "stop") == "stopping");
  CHECK(host.is_stopped);
}

TEST_CASE("probe records and reports mail, interest, down and timers", "[probe]") {
  FakeHost host;
  HostedActor probe(host, host.load(file));
  CHECK(probe.send("hello") == BS_OK);
  CHECK(probe.publish("feed/md.x", "42") == BS_OK);
  bs_msg interest{};
  interest.kind = BS_MSG_INTEREST;
  interest.address = slice("tested/md.x");
  interest.status = 1;
  CHECK(probe.receive(interest) == BS_OK);
  bs_msg down{};
  down.kind = BS_MSG_DOWN;
  down.from_name = slice("other");
  down.body = slice("failed");
  CHECK(probe.receive(down) == BS_OK);
  bs_msg timer{};
  timer.kind = BS_MSG_TIMER;
  timer.corr = 17;
  CHECK(probe.receive(timer) == BS_OK);
  CHECK(probe.ask("", "") == "recorded");

  CHECK(probe.ask("", "got") ==
        "send  0 hello\npublish feed/md.x 1 42\ninterest tested/md.x 0 1\ndown other 0 failed\n"
        "timer  0 17\nrequest asker 0 \n");
  CHECK(probe.ask("", "count") == "send=1 publish=1 request=3 reply=0 timer=1 down=1 interest=1");
  REQUIRE(host.published.size() == 2);
  CHECK(host.published[0].topic == "seen");
  CHECK(host.published[0].body == "tested/md.x 1");
  CHECK(host.published[1].topic == "down");
  CHECK(host.published[1].body == "other failed");
}
