// Beginnings and ends: groups, detaching, restart types, deadlines, the order of stopping.
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;
using Texts = std::vector<std::string>;

namespace {

ActorType with(Restart restart, std::uint32_t retries = 0) {
  ActorType settings;
  settings.supervision.restart = restart;
  settings.supervision.retries = retries;
  settings.supervision.jitter_percent = 0;
  return settings;
}

// "fail" fails, "stop" stops itself; all else is taken.
Outcome obey(Context&, const Envelope& envelope) {
  if (envelope.payload.text() == "fail") return std::unexpected(Failure{"told to"});
  if (envelope.payload.text() == "stop") return Handled::stop;
  return Handled::done;
}

// Makes children as its messages say: "kid a", "group a b", "detach a".
Outcome raise(Context& context, const Envelope& envelope) {
  const std::string text(envelope.payload.text());
  const std::string first = text.size() > 6 ? text.substr(6, 1) : "";
  const std::string second = text.size() > 8 ? text.substr(8, 1) : "";
  if (text.starts_with("child ")) {
    CHECK(context.spawn({.type = "kid", .name = first, .as_child = true}));
  } else if (text.starts_with("group ")) {
    const std::array<SpawnRequest, 2> members{SpawnRequest{.type = "kid", .name = first},
                                              SpawnRequest{.type = "kid", .name = second}};
    (void)context.spawn_group(members);
  } else if (text.starts_with("leave ")) {
    CHECK(context.detach(*context.resolve(first)));
  }
  return obey(context, envelope);
}

}  // namespace

TEST_CASE("a permanent actor that stops itself comes back with its mail", "[core][lifecycle]") {
  Stage stage;
  const auto script = stage.type("t", obey, with(Restart::permanent));
  stage.spawn("t", "a");
  for (const auto* text : {"1", "stop", "2"}) CHECK(stage.send("a", text));
  stage.advance(1s);
  CHECK(texts(*script, Kind::send) == Texts{"1", "stop", "2"});
  CHECK(script->created == 2);
  CHECK(stage.engine.stop(*stage.engine.find("a"), StopVerb::stop));
  stage.advance(1s);
  CHECK_FALSE(stage.engine.find("a"));  // asked from outside, it stays away
}

TEST_CASE("a temporary actor that fails is gone, and its mail is dead letters",
          "[core][lifecycle]") {
  Stage stage;
  const auto script = stage.type("t", obey, with(Restart::temporary));
  stage.spawn("t", "a");
  CHECK(stage.send("a", "fail"));
  CHECK(stage.send("a", "left"));
  stage.settle();
  CHECK_FALSE(stage.engine.find("a"));
  CHECK(script->ends == std::vector{EndReason::failed});
  CHECK(stage.engine.dead_letters().size() == 2);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("a message may be tried again a number of times before it is a dead letter",
          "[core][lifecycle]") {
  Stage stage;
  int failures = 2;
  const auto script = stage.type(
      "t",
      [&](Context&, const Envelope& envelope) -> Outcome {
        if (envelope.payload.text() == "hard" && failures-- > 0) {
          return std::unexpected(Failure{"not yet"});
        }
        return Handled::done;
      },
      [] {
        auto settings = with(Restart::transient, 2);
        settings.supervision.intensity = 10;
        return settings;
      }());
  stage.spawn("t", "a");
  for (const auto* text : {"1", "hard", "2"}) CHECK(stage.send("a", text));
  stage.advance(5s);
  CHECK(texts(*script, Kind::send) == Texts{"1", "hard", "hard", "hard", "2"});
  CHECK(stage.engine.dead_letters().empty());
  failures = 3;
  CHECK(stage.send("a", "hard"));
  CHECK(stage.send("a", "3"));
  stage.advance(30s);
  REQUIRE(stage.engine.dead_letters().size() == 1);
  CHECK(stage.engine.dead_letters().front().attempts == 3);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("children stop youngest first, each after its own", "[core][lifecycle]") {
  Stage stage;
  const auto names = std::make_shared<Texts>();
  const auto kid = stage.type("kid", raise);
  kid->ended = [names](Context& context, EndReason) { names->emplace_back(context.name()); };
  stage.spawn("kid", "r");
  for (const auto* child : {"child a", "child b", "child c"}) CHECK(stage.send("r", child));
  stage.settle();
  CHECK(stage.send("b", "child d"));
  stage.settle();
  CHECK(stage.engine.stop(*stage.engine.find("r"), StopVerb::stop));
  stage.settle();
  CHECK(*names == Texts{"c", "d", "b", "a", "r"});
}

TEST_CASE("a group starts all or none", "[core][lifecycle]") {
  Stage stage;
  const auto parent = stage.type("parent", raise);
  const auto kid = stage.type("kid", obey);
  stage.spawn("parent", "p");
  SECTION("all are created before any handles a message") {
    int created = 0;
    kid->create = [&](Context& context) -> Outcome {
      ++created;
      CHECK(context.send(context.self(), {{}, Payload("mail")}));
      return Handled::done;
    };
    kid->receive = [&](Context&, const Envelope&) -> Outcome {
      CHECK(created == 2);
      return Handled::done;
    };
    CHECK(stage.send("p", "group x y"));
    stage.settle();
    CHECK(texts(*kid, Kind::send).size() == 2);
    CHECK_FALSE(parent->got.back().is_error);
  }
  SECTION("one that cannot be created ends the others, and the maker is told once") {
    int left = 1;
    kid->create = [&](Context&) -> Outcome {
      if (left-- > 0) return Handled::done;
      return std::unexpected(Failure{"no"});
    };
    CHECK(stage.send("p", "group x y"));
    stage.advance(1s);
    CHECK_FALSE(stage.engine.find("x"));
    CHECK_FALSE(stage.engine.find("y"));
    CHECK(texts(*parent, Kind::started).size() == 1);
    CHECK(parent->got.back().is_error);
  }
  SECTION("a name that is held refuses the whole group at once") {
    stage.spawn("kid", "y");
    CHECK(stage.send("p", "group x y"));
    stage.settle();
    CHECK_FALSE(stage.engine.find("x"));
    CHECK(stage.engine.find("y"));
    CHECK(texts(*parent, Kind::started).empty());
    CHECK(stage.ledger().refused[static_cast<std::size_t>(Errc::name_in_use)] == 1);
  }
  SECTION("one that is detached before it is made holds the others up no longer") {
    CHECK(stage.send("p", "group x y"));
    CHECK(stage.send("p", "leave x"));
    stage.settle();
    CHECK(stage.send("y", "hello"));
    stage.settle();
    CHECK(texts(*kid, Kind::send) == Texts{"hello"});
  }
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("a detached child outlives its parent and is supervised at the root",
          "[core][lifecycle]") {
  Stage stage;
  stage.type("parent", raise);
  const auto kid = stage.type("kid", obey, with(Restart::transient));
  stage.spawn("parent", "p");
  CHECK(stage.send("p", "child a"));
  CHECK(stage.send("p", "leave a"));
  stage.settle();
  CHECK(stage.engine.stop(*stage.engine.find("p"), StopVerb::stop));
  stage.settle();
  REQUIRE(stage.engine.find("a"));
  CHECK(stage.send("a", "fail"));
  CHECK(stage.send("a", "after"));
  stage.advance(1s);
  CHECK(texts(*kid, Kind::send) == Texts{"fail", "after"});
}

TEST_CASE("too many failures of children fail the parent, level by level, up to parking",
          "[core][lifecycle]") {
  Stage stage;
  auto settings = with(Restart::permanent);
  settings.supervision.intensity = 0;
  const auto kid = stage.type("kid", obey, settings);
  const auto parent = stage.type("parent", raise, settings);
  parent->create = [](Context& context) -> Outcome {
    CHECK(context.spawn({.type = "kid", .name = "a", .as_child = true}));
    return Handled::done;
  };
  stage.spawn("parent", "p");
  CHECK(stage.send("a", "fail"));
  stage.advance(1s);
  CHECK(stage.record.has("failed p its children failed too often"));
  CHECK(stage.record.has("parked p"));
  CHECK_FALSE(stage.engine.find("a"));
  CHECK(stage.engine.unpark(*stage.engine.find("p")));
  stage.settle();
  CHECK(stage.engine.find("a"));
}

TEST_CASE("a stop that finds no end in time becomes a kill, and mail is not waited for",
          "[core][lifecycle]") {
  Stage stage;
  const auto script = stage.type("t", [](Context& context, const Envelope&) -> Outcome {
    // Never runs dry: a drain alone would not end it.
    CHECK(context.set_timer(10ms));
    return Handled::done;
  });
  const auto parent =
      stage.type("parent", [](Context&, const Envelope&) -> Outcome { return Handled::done; });
  parent->create = [](Context& context) -> Outcome {
    CHECK(context.spawn({.type = "t", .name = "kid", .as_child = true}));
    return Handled::done;
  };
  const auto id = stage.spawn("parent", "p");
  CHECK(stage.engine.stop(id, StopVerb::stop, -1ns).error() == Errc::bad_arg);
  CHECK(stage.engine.stop(id, StopVerb::stop, Duration::max()));
  stage.settle();
  CHECK_FALSE(stage.engine.find("p"));
  CHECK(stage.engine.stats().timers == 0);
}

TEST_CASE("a spawn may have a mailbox and a restart of its own", "[core][lifecycle]") {
  Stage stage;
  stage.type("t", obey);
  CHECK(stage.engine.spawn({.type = "t",
                            .name = "small",
                            .mailbox = MailboxLimits{2, 100},
                            .overflow = Overflow::drop_newest,
                            .restart = Restart::temporary}));
  for (int i = 0; i < 5; ++i) CHECK(stage.send("small", "x"));
  CHECK(stage.ledger().dropped[static_cast<std::size_t>(DropCause::newest)] == 3);
  stage.settle();
  CHECK(stage.send("small", "fail"));
  stage.settle();
  CHECK_FALSE(stage.engine.find("small"));
  const SpawnRequest none{.type = "t", .name = "none", .mailbox = MailboxLimits{0, 100}};
  CHECK(stage.engine.spawn(none).error() == Errc::bad_arg);
  const SpawnRequest kick{.type = "t", .name = "none", .overflow = Overflow::kick};
  CHECK(stage.engine.spawn(kick).error() == Errc::bad_arg);
}

TEST_CASE("a type out of range is refused", "[core][lifecycle]") {
  Stage stage;
  ActorType type;
  type.name = "t";
  type.supervision.backoff_min = 2s;
  type.supervision.backoff_max = 1s;
  CHECK(stage.engine.add_type(type).error() == Errc::bad_arg);
  type.supervision = {};
  type.supervision.jitter_percent = 101;
  CHECK(stage.engine.add_type(type).error() == Errc::bad_arg);
  type.supervision = {};
  type.mailbox.data_bytes_max = 0;
  CHECK(stage.engine.add_type(type).error() == Errc::bad_arg);
}
