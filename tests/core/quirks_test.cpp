// Quirks of messages: mistakes of this project's seed that an engine of this kind could share.
// core/README.md numbers them and names the test of each.
#include <filesystem>

#include "core/topics.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;
using Texts = std::vector<std::string>;

namespace {

// Fails on "bad"; anything else is just taken.
Outcome fail_on_bad(Context&, const Envelope& envelope) {
  if (envelope.payload.text() == "bad") return std::unexpected(Failure{"bad"});
  return Handled::done;
}

}  // namespace

TEST_CASE("what is published right after a subscribe has returned is delivered", "[core]") {
  Stage stage;
  const auto hearer =
      stage.type("hearer", [](Context& context, const Envelope& envelope) -> Outcome {
        if (envelope.kind != Kind::send) return Handled::done;
        CHECK(context.subscribe(*Pattern::parse("speaker")));
        CHECK(context.send("speaker", {}));
        return Handled::done;
      });
  stage.type("speaker", [](Context& context, const Envelope&) -> Outcome {
    CHECK(context.publish("", {{}, Payload("first")})->matched == 1);
    return Handled::done;
  });
  stage.spawn("speaker", "speaker");
  stage.spawn("hearer", "hearer");
  CHECK(stage.send("hearer", "go"));
  stage.settle();
  CHECK(texts(*hearer, Kind::publish) == Texts{"first"});
}

TEST_CASE("subscribing before the publisher exists, and again after, is one subscription",
          "[core]") {
  Stage stage;
  const auto hearer =
      stage.type("hearer", [](Context& context, const Envelope& envelope) -> Outcome {
        if (envelope.kind != Kind::send) return Handled::done;
        const auto subscribed = context.subscribe(*Pattern::parse("speaker"));
        CHECK(subscribed->existed == (envelope.payload.text() == "again"));
        return Handled::done;
      });
  stage.type("speaker", [](Context& context, const Envelope& envelope) -> Outcome {
    CHECK(context.publish("", {{}, envelope.payload})->matched == 1);
    return Handled::done;
  });
  stage.spawn("hearer", "hearer");
  CHECK(stage.send("hearer", "early"));
  stage.settle();
  for (const auto* life : {"first life", "second life"}) {
    const auto id = stage.spawn("speaker", "speaker");
    CHECK(stage.send("hearer", "again"));
    stage.settle();
    CHECK(stage.send("speaker", life));
    stage.settle();
    CHECK(stage.engine.stop(id, StopVerb::stop));
    stage.settle();
  }
  CHECK(texts(*hearer, Kind::publish) == Texts{"first life", "second life"});
  CHECK(stage.engine.stats().subscriptions == 1);
}

TEST_CASE("names, patterns, types and payloads given as temporaries are kept as copies", "[core]") {
  Stage stage;
  const auto script = stage.type("t", [](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.type != "teach") return Handled::done;
    std::string text = "feed/" + std::string(envelope.payload.text());
    CHECK(context.subscribe(*Pattern::parse(text)));
    text.assign(text.size(), '#');
    return Handled::done;
  });
  // Long enough to live on the heap, and overwritten before anything runs.
  std::string name = "actor-with-quite-a-long-name";
  std::string kind = "teach";
  std::string body = "a-topic-that-is-longer-than-a-payload-keeps-inline-and-goes-on-and-on";
  std::string from = "somebody-with-a-name-of-some-length";
  const std::string topic = body;
  CHECK(stage.engine.spawn({.type = "t", .name = name}));
  CHECK(stage.engine.send(name, {kind, Payload(body)}, from));
  for (std::string* used : {&name, &kind, &body, &from}) used->assign(used->size(), '#');
  stage.settle();
  REQUIRE(script->got.size() == 1);
  CHECK(script->got[0].type == "teach");
  CHECK(script->got[0].from == "somebody-with-a-name-of-some-length");
  CHECK(stage.engine.find("actor-with-quite-a-long-name"));
  CHECK(stage.publish("feed/" + topic, "x")->matched == 1);
}

TEST_CASE("without memory for a message its verb is refused and the mailbox stays whole",
          "[core]") {
  Stage stage;
  const auto script = stage.type("t", [](Context& context, const Envelope& envelope) -> Outcome {
    if (envelope.payload.text() != "try") return Handled::done;
    CHECK(context.send(context.self(), {}).error() == Errc::no_memory);
    return Handled::done;
  });
  script->create = [](Context& context) -> Outcome {
    CHECK(context.subscribe(*Pattern::parse("feed/x")));
    return Handled::done;
  };
  stage.spawn("t", "a");
  for (const auto* text : {"1", "try", "2"}) CHECK(stage.send("a", text));
  stage.faults.fail(FaultSite::allocate, 3);
  CHECK(stage.send("a", "lost").error() == Errc::no_memory);
  CHECK(stage.publish("feed/x", "lost")->full == 1);  // told as one that did not get it
  stage.settle();
  CHECK(stage.send("a", "3"));
  CHECK(stage.publish("feed/x", "4")->full == 0);
  stage.settle();
  CHECK(texts(*script, Kind::send) == Texts{"1", "try", "2", "3"});
  CHECK(texts(*script, Kind::publish) == Texts{"4"});
  CHECK(stage.ledger().refused[static_cast<std::size_t>(Errc::no_memory)] == 3);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("ten thousand actors and their messages open no descriptor", "[core]") {
  const auto open_now = [] {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  const auto before = open_now();
  Stage stage;
  const auto script = stage.type("t");
  constexpr int actors = 10'000;
  for (int i = 0; i < actors; ++i) {
    const std::string name = "a" + std::to_string(i);
    CHECK(stage.engine.spawn({.type = "t", .name = name}));
    CHECK(stage.send(name, "x"));
  }
  stage.settle();
  CHECK(script->got.size() == actors);
  CHECK(open_now() == before);
}

TEST_CASE("the mail behind a message that fails is handled without another send", "[core]") {
  Stage stage;
  const auto script = stage.type("t", fail_on_bad);
  stage.spawn("t", "a");
  for (const auto* text : {"1", "bad", "2", "bad", "3"}) CHECK(stage.send("a", text));
  stage.advance(10s);
  CHECK(texts(*script, Kind::send) == Texts{"1", "bad", "2", "bad", "3"});
  CHECK(stage.engine.stats().dead_letters == 2);
  CHECK(stage.ledger().queued == 0);
}

TEST_CASE("payloads are given back as they are handled, not when their actor ends", "[core]") {
  static int released = 0;
  released = 0;
  Stage stage;
  stage.type("t");
  const auto id = stage.spawn("t", "a");
  constexpr int messages = 10'000;
  for (int i = 1; i <= messages; ++i) {
    auto* buffer = new PayloadBuffer;
    static const std::byte bytes[100]{};
    buffer->data = bytes;
    buffer->size = sizeof bytes;
    buffer->release = [](PayloadBuffer* mine) noexcept {
      ++released;
      delete mine;
    };
    CHECK(stage.engine.send(id, {{}, Payload::adopt(buffer)}));
    if (i % 100 == 0) stage.settle();
  }
  CHECK(released == messages);
  CHECK(stage.engine.find("a"));
}

TEST_CASE("a handler that fails on its timer is a failure like any other, and tried again",
          "[core]") {
  Stage stage;
  int failures_left = 2;
  const auto script = stage.type("t", [&](Context&, const Envelope& envelope) -> Outcome {
    if (envelope.kind == Kind::timer && failures_left-- > 0) throw std::runtime_error("tick");
    return Handled::done;
  });
  script->create = [](Context& context) -> Outcome {
    CHECK(context.set_timer(1s, 1s));
    return Handled::done;
  };
  stage.spawn("t", "a");
  stage.advance(10s);
  CHECK(stage.record.has("failed a tick"));
  CHECK(script->created == 3);
  CHECK(texts(*script, Kind::timer).size() > 5);  // the two that failed, and those of the third
  CHECK(stage.ledger().dropped[static_cast<std::size_t>(DropCause::failed)] == 2);
  CHECK(stage.ledger().is_balanced());
}

TEST_CASE("a thousand actors are listed whole, each with its own counters", "[core]") {
  Stage stage;
  stage.type("t");
  constexpr std::size_t actors = 1'000;
  for (std::size_t i = 0; i < actors; ++i) {
    const auto id = stage.spawn("t", "a" + std::to_string(1'000 + i));
    for (std::size_t sent = 0; sent < i % 3; ++sent) CHECK(stage.engine.send(id, {}));
  }
  stage.settle();
  const auto all = stage.engine.actors();
  REQUIRE(all.size() == actors);
  for (std::size_t i = 0; i < actors; ++i) {
    REQUIRE(all[i].name == "a" + std::to_string(1'000 + i));
    REQUIRE(all[i].ledger.handled == i % 3);
    REQUIRE(all[i].ledger.queued == 0);
  }
}
