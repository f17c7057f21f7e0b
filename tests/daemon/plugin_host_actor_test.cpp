// Actors of real plugins, through the engine: what they get, what they cause, how they end.
#include "tests/daemon/plugin_host_theatre.hpp"
#include "tests/support/catch.hpp"

namespace backstage::plugin_host::test {

using namespace std::chrono_literals;

TEST_CASE("a plugin's actor is created, receives, replies and publishes", "[plugin_host]") {
  for (const auto* name : {"counter", "counter_c"}) {
    CAPTURE(name);
    Theatre theatre;
    theatre.play({shipped(name)});
    theatre.subscribe("tally");
    theatre.stage.spawn(name, "tally");
    CHECK(theatre.ask("tally", "5") == "5");
    CHECK(theatre.ask("tally", "-7") == "-2");
    CHECK(theatre.take(Kind::publish) == std::vector<std::string>{"5", "-2"});
    CHECK(theatre.stage.engine.retained(*Address::parse("tally"))->payload.text() == "-2");
    const auto refused = theatre.ask("tally", "five");
    CHECK(refused.starts_with("!bad_arg"));
    CHECK(refused.find("integer") != std::string::npos);
    CHECK(theatre.ask("tally", "1") == "-1");
    CHECK(theatre.stage.ledger().is_balanced());
  }
}

TEST_CASE("a plugin's actor gets its spawn's config", "[plugin_host]") {
  Theatre theatre;
  theatre.play({shipped("counter")});
  theatre.stage.spawn("counter", "tally", R"({"start": 40})");
  CHECK(theatre.ask("tally", "2") == "42");
}

TEST_CASE("a plugin's timers fire through its mailbox", "[plugin_host]") {
  Theatre theatre;
  theatre.play({shipped("ticker")});
  theatre.subscribe("clock");
  theatre.stage.spawn("ticker", "clock", R"({"period_ms": 100})");
  CHECK(theatre.take(Kind::publish).empty());
  theatre.stage.advance(350ms);
  CHECK(theatre.take(Kind::publish) == std::vector<std::string>{"1", "2", "3"});
}

TEST_CASE("timers of a plugin can be set once, periodically, and cancelled", "[plugin_host]") {
  Theatre theatre;
  theatre.play({probe_plugin()});
  theatre.stage.spawn("probe", "probe");
  const auto once = theatre.ask("probe", "50", "after");
  const auto periodic = theatre.ask("probe", "20", "every");
  CHECK(once != periodic);
  theatre.stage.advance(45ms);
  CHECK(theatre.ask("probe", periodic, "cancel") == "ok");
  theatre.stage.advance(1s);
  CHECK(theatre.ask("probe", "", "count").find("timer=3") != std::string::npos);
  CHECK(theatre.ask("probe", once, "cancel").starts_with("!no_timer"));
}

TEST_CASE("a plugin asks another actor and forwards its answer", "[plugin_host]") {
  Theatre theatre;
  theatre.play({probe_plugin(), shipped("echo")});
  theatre.stage.spawn("probe", "probe");
  theatre.stage.spawn("echo", "echo");
  CHECK(theatre.ask("probe", "echo 1000 - hello", "ask") == "ok hello");
  CHECK(theatre.ask("probe", "nobody 1000 - hello", "ask").starts_with("!no_actor"));
}

TEST_CASE("a plugin's request to a mute actor ends in a timeout", "[plugin_host]") {
  Theatre theatre;
  theatre.play({probe_plugin()});
  theatre.stage.spawn("probe", "asker");
  theatre.stage.spawn("probe", "mute");
  auto context = theatre.client();
  const auto asker = context.resolve("asker");
  REQUIRE(context.request(*asker, {.type = "ask", .payload = Payload{"mute 100 mute x"}}, 60s));
  theatre.stage.advance(200ms);
  const auto replies = theatre.take(Kind::reply);
  REQUIRE(replies.size() == 1);
  CHECK(replies[0].starts_with("timeout"));
}

TEST_CASE("a plugin may answer in a later turn, and only once", "[plugin_host]") {
  Theatre theatre;
  theatre.play({probe_plugin()});
  theatre.stage.spawn("probe", "probe");
  CHECK(theatre.ask("probe", "", "later") == "(no reply)");
  CHECK(theatre.ask("probe", "at last", "answer") == "1");
  CHECK(theatre.take(Kind::reply) == std::vector<std::string>{"at last", "1"});
  theatre.subscribe("probe/twice");
  CHECK(theatre.ask("probe", "", "twice") == "first");
  CHECK(theatre.take(Kind::publish) == std::vector<std::string>{"no_request"});
}

TEST_CASE("a plugin subscribes, sees address and number, and unsubscribes", "[plugin_host]") {
  Theatre theatre;
  theatre.play({probe_plugin()});
  theatre.stage.spawn("probe", "probe");
  const auto id = theatre.ask("probe", "feed/md.*", "subscribe");
  REQUIRE(theatre.stage.publish("feed/md.EUR", "1.08"));
  REQUIRE(theatre.stage.publish("feed/md.EUR", "1.09"));
  theatre.stage.settle();
  CHECK(theatre.ask("probe", "", "got") ==
        "publish feed/md.EUR 1 1.08\npublish feed/md.EUR 2 1.09\n");
  CHECK(theatre.ask("probe", id, "unsubscribe") == "ok");
  CHECK(theatre.ask("probe", id, "unsubscribe").starts_with("!no_sub"));
  CHECK(theatre.ask("probe", "feed/a..b", "subscribe").starts_with("!bad_addr"));
}

TEST_CASE("a plugin is told when its topics gain and lose interest", "[plugin_host]") {
  Theatre theatre;
  theatre.play({probe_plugin()});
  theatre.stage.spawn("probe", "probe");
  CHECK(theatre.ask("probe", "board", "watch") == "ok");
  const auto made = theatre.client().subscribe(*Pattern::parse("probe/board"));
  REQUIRE(made);
  theatre.stage.settle();
  REQUIRE(theatre.client().unsubscribe(made->id));
  theatre.stage.settle();
  CHECK(theatre.ask("probe", "", "got") == "interest probe/board 0 1\ninterest probe/board 0 0\n");
}

TEST_CASE("a plugin monitors an actor and hears of its end, not of its restart", "[plugin_host]") {
  Theatre theatre;
  theatre.play({probe_plugin(), shipped("crashy")});
  theatre.stage.spawn("probe", "watcher");
  theatre.stage.spawn("crashy", "crashy");
  CHECK(theatre.ask("watcher", "crashy", "monitor") == "ok");
  CHECK(theatre.ask("crashy", "throw").starts_with("!actor_failed"));
  theatre.stage.advance(1s);
  CHECK(theatre.ask("crashy", "still there?") == "alive 1");
  CHECK(theatre.ask("watcher", "", "count").find("down=0") != std::string::npos);
  REQUIRE(theatre.stage.engine.stop(*theatre.stage.engine.find("crashy"), StopVerb::stop));
  theatre.stage.settle();
  CHECK(theatre.ask("watcher", "", "got") == "down crashy 0 stopped\n");
}

TEST_CASE("a plugin spawns actors and children, which end with it", "[plugin_host]") {
  Theatre theatre;
  theatre.play({probe_plugin(), shipped("echo")});
  const auto parent = theatre.stage.spawn("probe", "parent");
  CHECK(theatre.ask("parent", "echo sibling ", "spawn") == "created");
  CHECK(theatre.ask("parent", "echo sibling ", "spawn") == "existing");
  CHECK(theatre.ask("parent", "echo child ", "spawn_child") == "created");
  CHECK(theatre.ask("parent", "probe sibling ", "spawn").starts_with("!type_mismatch"));
  CHECK(theatre.ask("parent", "nothing x ", "spawn").starts_with("!no_type"));
  CHECK(theatre.ask("parent", "echo $daemon ", "spawn").starts_with("!reserved_name"));
  CHECK(theatre.ask("child", "hi") == "hi");
  REQUIRE(theatre.stage.engine.stop(parent, StopVerb::stop));
  theatre.stage.settle();
  CHECK(theatre.ask("child", "hi") == "!no_actor");
  CHECK(theatre.ask("sibling", "hi") == "hi");
}

TEST_CASE("a thread of a plugin posts from outside of any turn", "[plugin_host]") {
  Theatre theatre;
  theatre.play({probe_plugin()});
  theatre.stage.spawn("probe", "poster");
  theatre.stage.spawn("probe", "target");
  CHECK(theatre.ask("poster", "target from outside", "post") == "ok");
  CHECK(theatre.ask("target", "", "got") == "send  0 from outside\n");
}

TEST_CASE("a large body is shared with its receiver, not copied", "[plugin_host]") {
  Theatre theatre;
  theatre.play({probe_plugin()});
  theatre.stage.spawn("probe", "probe");
  theatre.subscribe("probe/large");
  const std::string large(100'000, 'y');
  const Payload sent{large};
  auto seen = std::make_shared<const std::byte*>(nullptr);
  const auto script = std::make_shared<backstage::test::Script>();
  script->receive = [seen](Context&, const Envelope& envelope) -> Outcome {
    *seen = envelope.payload.data();
    return Handled::done;
  };
  auto& cell = theatre.stage.client("other", script);
  auto context = theatre.stage.engine.context_of(cell);
  const auto to = context.resolve("probe");
  REQUIRE(context.request(*to, {.type = "echo", .payload = sent}));
  theatre.stage.settle();
  CHECK(*seen == sent.data());
  CHECK(theatre.ask("probe", "300000", "large") == std::string(300'000, 'x'));
}

TEST_CASE("a failing plugin actor is restarted and keeps its mail", "[plugin_host]") {
  Theatre theatre;
  theatre.play({shipped("crashy")});
  theatre.stage.spawn("crashy", "crashy");
  CHECK(theatre.ask("crashy", "one") == "alive 1");
  REQUIRE(theatre.stage.send("crashy", "throw"));
  REQUIRE(theatre.stage.send("crashy", "kept"));
  theatre.stage.settle();
  CHECK(theatre.stage.record.has("failed crashy crashy was told to throw"));
  CHECK(theatre.info("crashy.so").actors == 0);
  theatre.stage.advance(1s);
  CHECK(theatre.info("crashy.so").actors == 1);
  CHECK(theatre.info("crashy.so").actors_made == 2);
  CHECK(theatre.ask("crashy", "two") == "alive 2");
  const auto failed = theatre.ask("crashy", "fail");
  CHECK(failed.starts_with("!actor_failed"));
  CHECK(failed.find("crashy was told to fail") != std::string::npos);
  const auto dead = theatre.stage.engine.dead_letters();
  REQUIRE(dead.size() == 2);
  CHECK(dead[0].reason == "crashy was told to throw");
  CHECK(theatre.stage.ledger().is_balanced());
}

TEST_CASE("a plugin actor whose creation fails is tried again, then parked", "[plugin_host]") {
  Theatre theatre;
  theatre.play({shipped("crashy")});
  theatre.stage.spawn("crashy", "crashy", R"({"throw_in_create": true})");
  CHECK(theatre.stage.record.has("failed crashy crashy was told to fail at its creation"));
  theatre.stage.advance(1min);
  CHECK(theatre.stage.record.has("parked crashy"));
  CHECK(theatre.ask("crashy", "there?") == "!parked");
  CHECK(theatre.info("crashy.so").actors_made == 0);
}

TEST_CASE("destroy is always called, with the reason, and may still publish", "[plugin_host]") {
  Theatre theatre;
  theatre.play({bad("misuse")});
  theatre.subscribe("misuse/last_words");
  const auto subscribe_refused = std::to_string(BS_E_STOPPING);

  const auto id = theatre.stage.spawn("misuse", "misuse");
  CHECK(theatre.ask("misuse", "", "stop").starts_with("!actor_failed"));
  CHECK(theatre.take(Kind::publish) ==
        std::vector<std::string>{"reason 0, subscribe " + subscribe_refused});
  CHECK_FALSE(theatre.stage.engine.stop(id, StopVerb::stop));

  theatre.stage.spawn("misuse", "misuse");
  const auto failed = theatre.ask("misuse", "", "fail_silently");
  CHECK(failed.find("receive answered too_large (-28)") != std::string::npos);
  CHECK(theatre.take(Kind::publish) ==
        std::vector<std::string>{"reason 1, subscribe " + subscribe_refused});

  theatre.stage.advance(1s);
  theatre.stop_actors();
  CHECK(theatre.take(Kind::publish) ==
        std::vector<std::string>{"reason 3, subscribe " + subscribe_refused});
  CHECK(theatre.info("misuse.so").actors == 0);
}

TEST_CASE("misuse of the host's functions is answered, not obeyed", "[plugin_host]") {
  Theatre theatre;
  theatre.play({bad("misuse")});
  theatre.stage.spawn("misuse", "misuse");
  const struct {
    std::string_view act;
    bs_status answer;
  } rows[] = {
      {"keep", BS_OK},
      {"use_kept", BS_E_STATE},
      {"use_null", BS_E_STATE},
      {"other_thread", BS_E_STATE},
      {"body_outside", BS_E_ARG},
      {"null_body", BS_E_ARG},
      {"null_out", BS_E_ARG},
      {"bad_type", BS_E_ARG},
      {"made_up_address", BS_E_NO_ACTOR},
      {"write", BS_E_STATE},
      {"unknown_extension", BS_OK},
      {"log", BS_OK},
  };
  for (const auto& row : rows) {
    CAPTURE(row.act);
    CHECK(theatre.ask("misuse", "", row.act) == std::to_string(row.answer));
  }
  CHECK(theatre.take(Kind::send).empty());
  CHECK(theatre.events.has("warn test.misuse misuse: a line from misuse"));
  CHECK(theatre.events.has("error test.misuse : said outside of any callback"));
}

TEST_CASE("an exception that a plugin lets out fails its actor only", "[plugin_host]") {
  Theatre theatre;
  theatre.play({bad("throws"), shipped("echo")});
  theatre.stage.spawn("throws", "throws");
  theatre.stage.spawn("echo", "echo");
  const auto failed = theatre.ask("throws", "");
  CHECK(failed.starts_with("!actor_failed"));
  CHECK(failed.find("an exception left the plugin") != std::string::npos);
  theatre.stage.spawn("throws", "unborn", "x");
  CHECK(theatre.ask("echo", "alive") == "alive");
}

}  // namespace backstage::plugin_host::test
