// The C++ SDK inside the test program: the guard at each callback, state, payloads and the verbs.
#include <backstage/plugin.hpp>

#include <limits>
#include <stdexcept>
#include <string>

#include "tests/plugins/fake_host.hpp"
#include "tests/support/catch.hpp"

namespace {

/// Fails where and how its config or the message says.
struct Thrower {
  static constexpr char name[] = "thrower";
  static constexpr unsigned state_version = 3, state_min = 2;

  Thrower(backstage::config given, backstage::context&) { fail(given.string("create", "")); }
  void on(backstage::message m, backstage::context&) { fail(m.type()); }
  void save(backstage::writer& out) const {
    fail(fail_save);
    out.put(std::uint8_t{1});
  }
  void load(backstage::reader& in, unsigned version) {
    std::uint8_t byte = 0;
    in.get(byte);
    if (version == 2) throw 2;
  }

  static void fail(std::string_view how) {
    if (how == "std") throw std::runtime_error("a std::exception");
    if (how == "int") throw 42;
    if (how == "code") throw backstage::error(BS_E_PARKED, "with a code");
    if (how == "success") throw backstage::error(BS_OK, "not a success");
  }
  inline static std::string fail_save;
};

struct Plain {
  static constexpr char name[] = "plain";
  backstage::status on(backstage::message, backstage::context&) { return BS_STOP; }
};

struct Hooks {
  static void init(backstage::config given) { Thrower::fail(given.string("init", "")); }
  static bool quiesce(backstage::milliseconds deadline) { return deadline.count() > 100; }
  static void fini() { ++finis; }
  inline static int finis = 0;
};

const bs_plugin* enter(const FakeHost& host) {
  return backstage::detail::enter<Hooks, Thrower, Plain>(host.api(), "test", "1.0.0", 0);
}

constexpr auto note = backstage::detail::make_note<Thrower, Plain>("test", "1.0.0", 4);

/// Every verb as one actor's handler; the test sets what to do.
struct Doer {
  static constexpr char name[] = "doer";
  void on(backstage::message m, backstage::context& ctx) { todo(m, ctx); }
  inline static void (*todo)(backstage::message, backstage::context&) = nullptr;
};

void run(FakeHost& host, void (*todo)(backstage::message, backstage::context&)) {
  Doer::todo = todo;
  HostedActor doer(host, backstage::detail::enter<backstage::detail::no_hooks, Doer>(
                             host.api(), "doer", "1.0.0", 0));
  REQUIRE(doer.request("body", "type") == BS_OK);
}

struct Point {
  static constexpr char message_type[] = "point";
  int x = 0;
  [[nodiscard]] std::string encode() const { return "x=" + std::to_string(x); }
  static Point decode(std::string_view bytes) {
    if (!bytes.starts_with("x=")) throw backstage::error(BS_E_ARG, "a point begins with x=");
    return {static_cast<int>(backstage::to_integer(bytes.substr(2)).value())};
  }
};

/// Does in its constructor what only a message allows, and what a constructor may.
struct Eager {
  static constexpr char name[] = "eager";
  Eager(backstage::config, backstage::context& ctx) {
    CHECK(ctx.reply("x").code() == BS_E_STATE);
    ctx.refuse(BS_E_ARG, "nobody asked");
    ctx.subscribe("feed/>").must();
  }
  void on(backstage::message, backstage::context&) {}
};

}  // namespace

TEST_CASE("no exception leaves receive; each becomes a status and a text", "[sdk]") {
  FakeHost host;
  HostedActor thrower(host, enter(host));
  REQUIRE(thrower.created == BS_OK);
  CHECK(thrower.send("", "std") == BS_E_FAIL);
  CHECK(host.error_text == "a std::exception");
  CHECK(thrower.send("", "int") == BS_E_FAIL);
  CHECK(host.error_text == "an exception that is not a std::exception");
  CHECK(thrower.send("", "code") == BS_E_PARKED);
  CHECK(host.error_code == BS_E_PARKED);
  CHECK(host.error_text == "with a code");
  CHECK(thrower.send("", "success") == BS_E_FAIL);
  CHECK(thrower.send("", "fine") == BS_OK);
}

TEST_CASE("no exception leaves create, save, load or init", "[sdk]") {
  FakeHost host;
  const bs_plugin* plugin = enter(host);
  const HostedActor unborn(host, plugin, R"({"create": "std"})");
  CHECK(unborn.created == BS_E_FAIL);
  CHECK(host.error_text == "a std::exception");

  HostedActor thrower(host, plugin);
  CHECK(thrower.save() == "\x01");
  Thrower::fail_save = "code";
  CHECK(thrower.try_save() == BS_E_PARKED);
  Thrower::fail_save.clear();
  host.refuse_next("write", BS_E_TOO_LARGE);
  CHECK(thrower.try_save() == BS_E_TOO_LARGE);

  const HostedActor second(host, plugin, 2, "\x01");
  CHECK(second.created == BS_E_FAIL);
  const HostedActor third(host, plugin, 3, "\x01");
  CHECK(third.created == BS_OK);
  const HostedActor leftover(host, plugin, 3, "\x01\x02");
  CHECK(leftover.created == BS_E_FAIL);
  CHECK(host.error_text == "the saved state has bytes that load did not read");

  const std::string_view bad = R"({"init": "int"})";
  CHECK(plugin->init({bad.data(), bad.size()}) == BS_E_FAIL);
  CHECK(plugin->init({}) == BS_OK);
}

TEST_CASE("the descriptor tells types, state versions and hooks as the structs have them",
          "[sdk]") {
  const FakeHost host;
  const bs_plugin* plugin = enter(host);
  REQUIRE(plugin->type_count == 2);
  CHECK(plugin->types[0]->state_version == 3);
  CHECK(plugin->types[0]->state_min == 2);
  CHECK(plugin->types[1]->state_version == 0);
  CHECK(plugin->types[1]->save == nullptr);
  CHECK(plugin->quiesce(50) == BS_E_BUSY);
  CHECK(plugin->quiesce(200) == BS_OK);
  plugin->fini();
  CHECK(Hooks::finis == 1);
  const bs_plugin* bare =
      backstage::detail::enter<backstage::detail::no_hooks, Plain>(host.api(), "b", "1", 0);
  CHECK(bare->init == nullptr);
  CHECK(bare->quiesce == nullptr);
  CHECK(bare->fini == nullptr);
}

TEST_CASE("on may return a status, such as stop", "[sdk]") {
  FakeHost host;
  HostedActor plain(host, enter(host), {}, 1);
  CHECK(plain.send("x") == BS_STOP);
}

TEST_CASE("kinds of messages newer than this SDK never reach on", "[sdk]") {
  FakeHost host;
  HostedActor plain(host, enter(host), {}, 1);
  for (const std::uint32_t kind : {0U, BS_MSG_INTEREST + 1U, 4'000'000'000U}) {
    bs_msg message{};
    message.kind = kind;
    CHECK(plain.receive(message) == BS_OK);
  }
}

TEST_CASE("the note of a C++ plugin lists all its types", "[sdk]") {
  const std::string text(note.text.data(), note.text.size());
  CHECK(text == std::string("id=test\0version=1.0.0\0types=thrower;plain\0"
                            "sdk=backstage-cpp/1.0\0lang=c++\0",
                            73));
  CHECK(note.head.flags == 4);
  CHECK(note.head.descsz == 16 + text.size());
}

TEST_CASE("state reads back what was written, at the ends of every width", "[sdk]") {
  FakeHost host;
  enter(host);
  StateSink sink(host);
  backstage::writer out{sink.raw()};
  out.put(std::numeric_limits<std::int64_t>::min());
  out.put(std::numeric_limits<std::uint64_t>::max());
  out.put(std::int8_t{-1});
  out.put(std::uint16_t{0x0102});
  out.put("text with \0 in it");
  out.put("");
  CHECK(host.state.substr(17, 2) == "\x02\x01");

  backstage::reader in{host.state};
  std::int64_t low = 0;
  std::uint64_t high = 0;
  std::int8_t minus = 0;
  std::uint16_t pair = 0;
  std::string text;
  std::string empty = "x";
  in.get(low);
  in.get(high);
  in.get(minus);
  in.get(pair);
  in.get(text);
  in.get(empty);
  CHECK(low == std::numeric_limits<std::int64_t>::min());
  CHECK(high == std::numeric_limits<std::uint64_t>::max());
  CHECK(minus == -1);
  CHECK(pair == 0x0102);
  CHECK(text == "text with ");
  CHECK(empty.empty());
  CHECK(in.left() == 0);
  CHECK_THROWS_AS(in.get(pair), backstage::error);
}

TEST_CASE("a text whose length runs past the state is refused", "[sdk]") {
  backstage::reader in{
      std::string_view("\xff\xff\xff\xff"
                       "abc",
                       7)};
  std::string text;
  CHECK_THROWS_WITH(in.get(text), Catch::Matchers::Contains("bytes early"));
}

TEST_CASE("any type with encode and decode travels under its message type", "[sdk]") {
  FakeHost host;
  run(host, [](backstage::message, backstage::context& ctx) {
    ctx.publish("points", Point{7});
    ctx.reply(backstage::typed("other", Point{8}));
  });
  REQUIRE(host.published.size() == 1);
  CHECK(host.published[0].type == "point");
  CHECK(host.published[0].body == "x=7");
  CHECK(host.replied[0].type == "other");
  CHECK(host.replied[0].body == "x=8");

  bs_msg raw{};
  raw.kind = BS_MSG_SEND;
  raw.body = {"x=-12", 5};
  CHECK(backstage::message{&raw}.as<Point>().x == -12);
  raw.body = {"y", 1};
  CHECK_THROWS_AS(backstage::message{&raw}.as<Point>(), backstage::error);
}

TEST_CASE("payloads are counted, shared by all they are sent to, and freed", "[sdk]") {
  FakeHost host;
  run(host, [](backstage::message m, backstage::context& ctx) {
    backstage::payload made(std::size_t{1'000});
    made.writable()[999] = std::byte{'z'};
    const backstage::payload copy = made;
    ctx.publish("a", made);
    ctx.publish("b", copy);
    backstage::payload moved = std::move(made);
    ctx.publish("c", moved);
    moved = m.keep();
    ctx.reply(moved);
  });
  REQUIRE(host.published.size() == 3);
  CHECK(host.published[0].buf == host.published[2].buf);
  CHECK(host.published[1].body.back() == 'z');
  CHECK(host.replied[0].body == "body");
  CHECK(host.buffers_alive == 0);
}

TEST_CASE("a payload over the host's limit is refused at its making", "[sdk]") {
  FakeHost host;
  run(host, [](backstage::message, backstage::context&) {
    CHECK_THROWS_AS(backstage::payload(std::size_t{1} << 40U), std::bad_alloc);
  });
}

TEST_CASE("verbs answer with the host's refusal, and must() turns it into a failure", "[sdk]") {
  FakeHost host;
  host.add_actor("there");
  host.refuse_next("send", BS_E_MAILBOX_FULL);
  host.refuse_next("request", BS_E_REQUESTS_FULL);
  host.refuse_next("spawn", BS_E_NO_TYPE);
  host.refuse_next("subscribe", BS_E_BAD_ADDR);
  run(host, [](backstage::message m, backstage::context& ctx) {
    CHECK(ctx.send("there", "x").code() == BS_E_MAILBOX_FULL);
    CHECK(ctx.send("there", "x").ok());
    CHECK(ctx.send("nowhere", "x").code() == BS_E_NO_ACTOR);
    CHECK(ctx.send(backstage::address{}, "x").code() == BS_E_NO_ACTOR);
    const auto there = ctx.resolve("there").must();
    CHECK_FALSE(ctx.request(there, "x").ok());
    CHECK(ctx.request(there, "x", backstage::milliseconds{-1}).status().code() == BS_E_ARG);
    CHECK(ctx.request(there, "x", backstage::milliseconds{250}).ok());
    CHECK(ctx.spawn("none", "n").status().code() == BS_E_NO_TYPE);
    CHECK(ctx.spawn_child("some", "there", "{}").must().existed);
    CHECK_FALSE(ctx.spawn("some", "fresh").must().existed);
    CHECK_THROWS_WITH(ctx.subscribe("//").must(), Catch::Matchers::Contains("bad_addr"));
    CHECK(ctx.every(backstage::milliseconds{0}).status().code() == BS_E_ARG);
    CHECK(ctx.after(backstage::milliseconds{-1}).status().code() == BS_E_ARG);
    CHECK(ctx.cancel(12345).code() == BS_E_NO_TIMER);
    CHECK(ctx.reply("once").ok());
    CHECK(ctx.reply("twice").code() == BS_E_STATE);
    CHECK(ctx.reply_error(m.request(), BS_E_FAIL, "late").code() == BS_E_STATE);
    CHECK(ctx.name() == "tested");
    CHECK_FALSE(ctx.self().is_nobody());
  });
  REQUIRE(host.asked.size() == 1);
  CHECK(host.asked[0].flags == 250);
  REQUIRE(host.spawned.size() == 2);
  CHECK(host.spawned[0].flags == BS_SPAWN_CHILD);
  CHECK(host.spawned[0].topic == "{}");
}

TEST_CASE("without the extensions their verbs say unsupported", "[sdk]") {
  FakeHost host;
  host.offers_extensions = false;
  run(host, [](backstage::message, backstage::context& ctx) {
    CHECK(ctx.after(backstage::milliseconds{1}).status().code() == BS_E_NOSUP);
    CHECK(ctx.cancel(1).code() == BS_E_NOSUP);
    CHECK(ctx.monitor(ctx.self()).code() == BS_E_NOSUP);
    CHECK(ctx.demonitor(ctx.self()).code() == BS_E_NOSUP);
    CHECK(ctx.watch_interest(">").code() == BS_E_NOSUP);
  });
}

TEST_CASE("in a constructor there is no message to reply to", "[sdk]") {
  FakeHost host;
  const HostedActor eager(host, backstage::detail::enter<backstage::detail::no_hooks, Eager>(
                                    host.api(), "eager", "1.0.0", 0));
  CHECK(eager.created == BS_OK);
  CHECK(host.logged.size() == 1);
  CHECK(host.subscribed == std::vector<std::string>{"feed/>"});
}

TEST_CASE("text is an integer only when all of it is", "[sdk]") {
  CHECK(backstage::to_integer("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
  for (const char* bad : {"", "+1", " 1", "1 ", "1e3", "9223372036854775808"}) {
    INFO(bad);
    CHECK_FALSE(backstage::to_integer(bad));
  }
}
