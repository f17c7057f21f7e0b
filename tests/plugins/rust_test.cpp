// The Rust binding: every verb as the host sees it, panics at every callback, its layout and note.
#include <array>
#include <backstage/status.hpp>
#include <cstddef>
#include <sstream>
#include <string>
#include <vector>

#include "tests/plugins/fake_host.hpp"
#include "tests/support/catch.hpp"

namespace {

const std::string file = TEST_PLUGINS_DIR "/verbs_rust.so";

bool contains(const std::string& text, const std::string& what) {
  return text.find(what) != std::string::npos;
}

/// A host with a friend, and the actor that does what messages say.
struct Stage {
  FakeHost host;
  bs_addr friend_address = host.add_actor("friend");
  const bs_plugin* plugin = host.load(file);
  HostedActor actor{host, plugin};
};

}  // namespace

TEST_CASE("the Rust binding sends, forwards, posts, asks and replies", "[rust]") {
  Stage stage;
  auto& [host, to, plugin, actor] = stage;
  CHECK(actor.send("", "send") == BS_OK);
  CHECK(actor.send("body", "forward") == BS_OK);
  CHECK(actor.send("", "post") == BS_OK);
  REQUIRE(host.sent.size() == 3);
  CHECK(host.sent[0].type == "note");
  CHECK(host.sent[0].body == "hi");
  CHECK(host.sent[0].to.w[0] == to.w[0]);
  CHECK(host.sent[1].type == "forward");
  CHECK(host.sent[1].body == "body");
  CHECK(host.sent[2].body == "posted");

  CHECK(actor.send("", "request") == BS_OK);
  REQUIRE(host.asked.size() == 1);
  CHECK(host.asked[0].body == "well?");
  CHECK(host.asked[0].flags == 250);

  CHECK(actor.ask("body", "reply") == "body");
  CHECK(host.replied.back().type == "answer");
  CHECK(actor.ask("", "who") == "tested true from asker");
  host.replied.clear();
  CHECK(actor.request("", "refuse") == BS_OK);
  CHECK(host.replied.back().status == BS_E_ARG);
  CHECK(host.replied.back().body == "not like that");
  CHECK(actor.send("", "refuse") == BS_OK);
  CHECK(host.logged.back() == "3 refused a message: not like that");
}

TEST_CASE("the Rust binding replies to a request of an earlier turn once", "[rust]") {
  Stage stage;
  auto& [host, to, plugin, actor] = stage;
  CHECK(actor.request("", "later") == BS_OK);
  CHECK(host.replied.empty());
  CHECK(actor.send("", "now") == BS_OK);
  REQUIRE(host.replied.size() == 1);
  CHECK(host.replied[0].body == "at last");
  CHECK(actor.send("", "now") == BS_E_STATE);
  CHECK(contains(host.error_text, "no_request"));
}

TEST_CASE("the Rust binding publishes, subscribes, spawns, monitors and sets timers", "[rust]") {
  Stage stage;
  auto& [host, to, plugin, actor] = stage;
  CHECK(actor.send("news", "publish") == BS_OK);
  CHECK(actor.send("kept", "retain") == BS_OK);
  REQUIRE(host.published.size() == 2);
  CHECK(host.published[0].topic == "board");
  CHECK(host.published[0].flags == 0);
  CHECK(host.published[1].topic == "default");
  CHECK(host.published[1].flags == BS_PUBLISH_RETAIN);

  CHECK(actor.send("", "subscribe") == BS_OK);
  CHECK(host.subscribed == std::vector<std::string>{"feed/md.*"});
  CHECK(host.unsubscribed == std::vector<std::uint64_t>{1});
  CHECK(actor.send("", "watch") == BS_OK);
  CHECK(host.watched == std::vector<std::string>{">"});

  CHECK(actor.send("", "spawn") == BS_OK);
  REQUIRE_FALSE(host.spawned.empty());
  CHECK(host.spawned[0].type == "echo");
  CHECK(host.spawned[0].body == "child");
  CHECK(host.spawned[0].topic == "{}");
  CHECK(host.spawned[0].flags == BS_SPAWN_CHILD);
  CHECK(host.logged.back() == "2 false true");
  CHECK(host.monitored.size() == 1);
  CHECK(host.demonitored.size() == 1);

  CHECK(actor.send("", "timers") == BS_OK);
  REQUIRE(host.timers.size() == 1);
  CHECK(host.timers.begin()->second.delay_ms == 7);
  CHECK(host.timers.begin()->second.period_ms == 7);
  CHECK(actor.send("", "stop") == BS_OK);
  CHECK(host.is_stopped);
}

TEST_CASE("the Rust binding passes what is no mail with all its numbers", "[rust]") {
  Stage stage;
  auto& [host, to, plugin, actor] = stage;
  bs_msg message{};
  message.kind = BS_MSG_DOWN;
  message.status = BS_E_ACTOR_FAILED;
  message.corr = 7;
  message.seq = 8;
  message.sub = 9;
  message.address = bs_text("feed/x");
  CHECK(actor.receive(message) == BS_OK);
  CHECK(host.logged.back() == "2 Down 7 8 9 actor_failed (-21) feed/x");
  for (const std::uint32_t kind : {0U, 8U, 4'000'000'000U}) {
    message.kind = kind;
    CHECK(actor.receive(message) == BS_OK);
  }
  CHECK(host.logged.size() == 1);
}

TEST_CASE("a refused verb is a status in Rust, and a failure where it is passed on", "[rust]") {
  Stage stage;
  auto& [host, to, plugin, actor] = stage;
  CHECK(actor.send("", "send_nobody") == BS_E_NO_ACTOR);
  CHECK(contains(host.error_text, "a call to the daemon was refused: no_actor"));
  host.refuse_next("send", BS_E_MAILBOX_FULL);
  CHECK(actor.send("", "send") == BS_E_MAILBOX_FULL);
  CHECK(contains(host.error_text, "mailbox_full"));
  CHECK(actor.send("", "request_long") == BS_E_ARG);
  CHECK(actor.send("", "timer_short") == BS_E_ARG);
  CHECK(actor.send("", "copy_large") == BS_E_TOO_LARGE);
  CHECK(actor.send("", "reply") == BS_E_STATE);
}

TEST_CASE("without extensions a Rust actor is told that they are unsupported", "[rust]") {
  FakeHost host;
  host.offers_extensions = false;
  HostedActor actor(host, host.load(file));
  for (const char* const verb : {"timers", "watch"}) {
    CHECK(actor.send("", verb) == BS_E_NOSUP);
    CHECK(contains(host.error_text, "unsupported"));
  }
}

TEST_CASE("a panic in Rust fails one call with its text, and the next one works", "[rust]") {
  Stage stage;
  auto& [host, to, plugin, actor] = stage;
  const std::vector<std::array<std::string, 2>> rows{
      {"panic", "panicked: a text"},
      {"panic_string", "panicked: a String"},
      {"panic_value", "panicked: with a value that is no text"},
      {"panic_index", "panicked: index out of bounds"}};
  for (const auto& [how, text] : rows) {
    INFO(how);
    const auto logged = host.logged.size();
    CHECK(actor.send("", how) == BS_E_FAIL);
    CHECK(host.error_code == BS_E_FAIL);
    CHECK(contains(host.error_text, text));
    // Its place in the source goes to the log, not to stderr.
    REQUIRE(host.logged.size() == logged + 1);
    CHECK(contains(host.logged.back(), "verbs_rust.rs"));
    CHECK(actor.ask("fine", "reply") == "fine");
  }
  CHECK(actor.send("", "error") == BS_E_BUSY);
  CHECK(host.error_text == "in words");
}

TEST_CASE("a Rust actor that panics in create, save, load or drop harms nobody", "[rust]") {
  Stage stage;
  auto& [host, to, plugin, actor] = stage;
  const HostedActor panicked(host, plugin, R"({"create": "panic"})");
  CHECK(panicked.created == BS_E_FAIL);
  CHECK(contains(host.error_text, "at its creation"));
  const HostedActor refused(host, plugin, R"({"create": "error"})");
  CHECK(refused.created == BS_E_PARKED);
  const HostedActor converted(host, plugin, R"({"create": "io"})");
  CHECK(converted.created == BS_E_FAIL);
  CHECK(contains(host.error_text, "invalid digit"));
  // No code may turn a failure into a success.
  const HostedActor success(host, plugin, R"({"create": "success"})");
  CHECK(success.created == BS_E_FAIL);

  CHECK(actor.send("panic", "fail_save") == BS_OK);
  CHECK(actor.try_save() == BS_E_FAIL);
  CHECK(contains(host.error_text, "in save"));
  CHECK(actor.send("busy", "fail_save") == BS_OK);
  CHECK(actor.try_save() == BS_E_BUSY);
  const HostedActor unloaded(host, plugin, 2, "");
  CHECK(unloaded.created == BS_E_FAIL);
  CHECK(contains(host.error_text, "in load"));
  {
    HostedActor dropped(host, plugin);
    CHECK(dropped.send("", "drop_panic") == BS_OK);
  }
  CHECK(contains(host.logged.back(), "in drop"));
  CHECK(actor.ask("alive", "reply") == "alive");
}

TEST_CASE("Rust state is read back as it was written, and nothing else is", "[rust]") {
  Stage stage;
  auto& [host, to, plugin, actor] = stage;
  CHECK(actor.send("some text", "fail_save") == BS_OK);
  const std::string state = actor.save();
  CHECK(state == std::string("\x09\0\0\0some text", 13));
  HostedActor loaded(host, plugin, 3, state);
  REQUIRE(loaded.created == BS_OK);
  CHECK(loaded.save() == state);
  for (const std::string& bad :
       {std::string{}, state.substr(0, 12), state + "x", std::string("\xff\xff\xff\xff", 4)}) {
    const HostedActor refused(host, plugin, 3, bad);
    CHECK(refused.created == BS_E_FAIL);
    CHECK(contains(host.error_text, "state"));
  }
}

TEST_CASE("payloads of Rust are shared with the host and given back", "[rust]") {
  FakeHost host;
  {
    HostedActor actor(host, host.load(file));
    void* data = nullptr;
    bs_buf* buf = host.api()->buf_new(host.api(), 5'000, &data);
    bs_msg message{};
    message.kind = BS_MSG_SEND;
    message.type = bs_text("keep");
    message.body = {data, 5'000};
    message.buf = buf;
    CHECK(actor.receive(message) == BS_OK);
    host.api()->buf_unref(host.api(), buf);
    CHECK(host.buffers_alive == 1);
    CHECK(actor.ask("", "kept").size() == 5'000);
    CHECK(host.replied.back().buf == buf);
    CHECK(actor.ask("bytes", "copy") == "bytes");
    CHECK(actor.ask("", "copy").empty());
    // A body that the host cannot share is copied.
    CHECK(actor.send("small", "keep") == BS_OK);
    CHECK(actor.ask("", "kept") == "small");
  }
  CHECK(host.buffers_alive == 0);
}

TEST_CASE("the Rust binding's tables are laid out as plugin.h says", "[rust]") {
  Stage stage;
  auto& [host, to, plugin, actor] = stage;
  std::istringstream told(actor.ask("", "layout"));
  const std::array<std::size_t, 7> frozen{sizeof(bs_slice),   sizeof(bs_addr),   sizeof(bs_request),
                                          sizeof(bs_out),     sizeof(bs_timers), sizeof(bs_monitor),
                                          sizeof(bs_interest)};
  std::size_t size = 0;
  for (const std::size_t wanted : frozen) {
    CHECK((told >> size && size == wanted));
  }
  // Tables that grow: at least as much as Rust knows, and that ends where version 1.0 did.
  CHECK((told >> size && size == offsetof(bs_msg, sub) + sizeof(bs_msg::sub)));
  CHECK((told >> size && size == offsetof(bs_api, write) + sizeof(bs_api::write)));
  CHECK((told >> size && size == offsetof(bs_actor_type, load) + sizeof(bs_actor_type::load)));
  CHECK((told >> size && size == offsetof(bs_plugin, extension) + sizeof(bs_plugin::extension)));
}

TEST_CASE("the Rust binding names every status as the C++ SDK does", "[rust]") {
  Stage stage;
  auto& [host, to, plugin, actor] = stage;
  std::istringstream told(actor.ask("", "status"));
  for (int code = 3; code >= -42; --code) {
    std::string name;
    told >> name;
    INFO(code);
    CHECK(name == backstage::status_name(code));
  }
}

TEST_CASE("a Rust plugin of two types has both in its table", "[rust]") {
  FakeHost host;
  const bs_plugin* plugin = host.load(file);
  REQUIRE(plugin != nullptr);
  CHECK(std::string{plugin->id} == "org.backstage.verbs_rust");
  CHECK(std::string{plugin->version} == "0.9.1");
  REQUIRE(plugin->type_count == 2);
  CHECK(std::string{plugin->types[0]->name} == "verbs_rust");
  CHECK(plugin->types[0]->state_version == 3);
  CHECK(plugin->types[0]->state_min == 2);
  CHECK(std::string{plugin->types[1]->name} == "plain_rust");
  CHECK(plugin->types[1]->state_version == 0);
  CHECK(plugin->types[1]->save == nullptr);
  HostedActor plain(host, plugin, "", 1);
  CHECK(plain.ask("-5") == "Some(-5)");
  CHECK(plain.ask("+5") == "None");
}
