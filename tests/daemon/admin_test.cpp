// The admin door's ops on dead letters and lives: what they do and what they answer.
#include "daemon/admin_letters.hpp"
#include "tests/daemon/admin_door.hpp"

namespace backstage::daemon {

TEST_CASE("stats, actors and plugins answer with their facts", "[admin]") {
  Door door;
  door.stage.spawn("fragile", "vase");
  const auto stats = door.ask(R"({"op":"stats"})");
  CHECK(stats.at("version") == "1.2.3");
  CHECK(stats.at("dead_letters") == 0);
  CHECK(stats.at("ledger").at("accepted") == 1);
  CHECK(door.ask(R"({"op":"actors"})").at("actors").back().at("name") == "vase");
  CHECK(door.ask(R"({"op":"plugins"})").at("plugins").empty());
}

TEST_CASE("spawn takes what the actor has instead of its type's settings", "[admin]") {
  Door door;
  const auto made = door.ask(R"({"op":"spawn","type":"fragile","name":"own","config":{"a":1},
      "mailbox":{"messages":7},"overflow":"drop_oldest","restart":"temporary"})");
  CHECK(made == Json{{"name", "own"}, {"existing", false}});
  const auto facts = door.stage.engine.explain("own");
  CHECK(facts.mailbox.limits.data_messages_max == 7);
  CHECK(facts.mailbox.limits.data_bytes_max == 5000);
  CHECK(facts.mailbox.overflow == Overflow::drop_oldest);
  REQUIRE(door.stage.send("own", "bad"));
  door.stage.settle();
  // Temporary: no new self.
  CHECK_FALSE(door.stage.engine.find("own"));
  CHECK(door.ask(R"({"op":"spawn","type":"fragile","name":"vase"})").at("existing") == false);
  CHECK(door.ask(R"({"op":"spawn","type":"fragile","name":"vase"})").at("existing") == true);
  CHECK(door.stage.engine.explain("vase").mailbox.limits.data_messages_max == 100);
}

TEST_CASE("stop takes a deadline after which the actor is killed", "[admin]") {
  Door door;
  door.stage.type("stuck", [](Context&, const Envelope&) -> Outcome { return Handled::again; });
  door.stage.spawn("stuck", "stuck");
  REQUIRE(door.stage.send("stuck", "x"));
  door.stage.settle();
  (void)door.ask(R"({"op":"stop","name":"stuck","how":"drain","deadline_ms":50})");
  door.stage.advance(49ms);
  CHECK(door.stage.engine.find("stuck"));
  door.stage.advance(1ms);
  CHECK(door.stage.record.has("ended stuck killed"));
}

TEST_CASE("unpark lists who is parked and why, and makes one of them anew", "[admin]") {
  Door door;
  CHECK(door.ask(R"({"op":"unpark"})").at("total") == 0);
  door.fail("bad");
  door.stage.advance(2s);
  const auto parked = door.ask(R"({"op":"unpark"})");
  CHECK(parked.at("total") == 1);
  CHECK(parked.at("parked").at(0) == Json{{"name", "vase"},
                                          {"type", "fragile"},
                                          {"waiting", 0},
                                          {"reason", "it is bad"},
                                          {"parked_ms", 2000}});
  CHECK(door.ask(R"({"op":"unpark","name":"vase"})").at("name") == "vase");
  CHECK(door.stage.engine.explain("vase").phase == Phase::running);
  CHECK(door.ask(R"({"op":"unpark"})").at("total") == 0);
}

TEST_CASE("dead letters are listed by cause, target and sender, page by page", "[admin]") {
  Door door;
  for (const char* text : {"bad 1", "bad 2", "bad 3"}) door.fail(text);
  door.stage.advance(3s);
  auto answer = door.ask(R"({"op":"dead_letters","limit":2})");
  CHECK(answer.at("matched") == 3);
  CHECK(answer.at("next") == 2);
  REQUIRE(answer.at("dead_letters").size() == 2);
  const auto first = answer.at("dead_letters").at(0);
  CHECK(first.at("cause") == "failed");
  CHECK(first.at("kind") == "send");
  CHECK(first.at("target") == "vase");
  CHECK(first.at("sender") == "test");
  CHECK(first.at("reason") == "it is bad");
  CHECK(first.at("attempts") == 1);
  CHECK(first.at("age_ms") == 3000);
  CHECK(first.at("payload_bytes") == 5);
  CHECK_FALSE(first.contains("payload"));
  CHECK(answer.at("causes").at("failed").at("buried") == 3);
  CHECK(answer.at("causes").at("parked").at("kept") == 0);
  answer = door.ask(R"({"op":"dead_letters","offset":2,"payload":true})");
  REQUIRE(answer.at("dead_letters").size() == 1);
  CHECK(answer.at("dead_letters").at(0).at("payload") == "bad 3");
  CHECK_FALSE(answer.contains("next"));
  CHECK(door.ask(R"({"op":"dead_letters","cause":"parked"})").at("matched") == 0);
  CHECK(door.ask(R"({"op":"dead_letters","target":"vase","sender":"test"})").at("matched") == 3);
  CHECK(door.ask(R"({"op":"dead_letters","sender":"nobody"})").at("matched") == 0);
  CHECK(door.ask(R"({"op":"dead_letters","offset":9})").at("dead_letters").empty());
}

TEST_CASE("a payload is shown as text if it can be, else as base64, and cut where it is long",
          "[admin]") {
  const auto shown = [](std::string_view payload, std::size_t max = 100) {
    Json json = Json::object();
    show_payload(json, payload, max);
    return json;
  };
  CHECK(shown("") == Json{{"payload", ""}});
  CHECK(shown("a\tb\n\u00e9") == Json{{"payload", "a\tb\n\u00e9"}});
  CHECK(shown(std::string_view("\0", 1)) == Json{{"payload_base64", "AA=="}});
  CHECK(shown("\xff\xfe") == Json{{"payload_base64", "//4="}});
  CHECK(shown("\x1b[1") == Json{{"payload_base64", "G1sx"}});
  CHECK(shown("\x01xyz") == Json{{"payload_base64", "AXh5eg=="}});
  CHECK(shown("abcdef", 3) == Json{{"payload", "abc"}, {"payload_is_cut", true}});
  CHECK(shown("ab\u00e9", 3) == Json{{"payload", "ab"}, {"payload_is_cut", true}});
  CHECK(shown("\xff\xff\xff\xff", 3) == Json{{"payload_base64", "////"}, {"payload_is_cut", true}});
}

TEST_CASE("a listing ends where one message has no room for more, and says where to go on",
          "[admin]") {
  Door door;
  door.stage.type("glutton", [](Context&, const Envelope&) -> Outcome {
    return std::unexpected(Failure{"too much"});
  });
  for (int i = 0; i < 30; ++i) {
    REQUIRE(door.stage.engine.spawn({.type = "glutton", .name = "glutton:" + std::to_string(i)}));
    REQUIRE(door.stage.send("glutton:" + std::to_string(i), std::string(200'000, '"')));
    door.stage.settle();
  }
  std::uint64_t offset = 0;
  std::size_t pages = 0;
  for (bool is_more = true; is_more; ++pages) {
    const auto answer =
        door.ask(R"({"op":"dead_letters","payload":true,"offset":)" + std::to_string(offset) + "}");
    REQUIRE_FALSE(answer.at("dead_letters").empty());
    CHECK(answer.at("dead_letters").at(0).at("payload_is_cut") == true);
    is_more = answer.contains("next");
    if (is_more) offset = answer.at("next");
  }
  CHECK(pages > 2);
}

TEST_CASE("replay by id and by target gives letters to their target again", "[admin]") {
  Door door;
  for (const char* text : {"bad 1", "bad 2"}) door.fail(text);
  const auto listed = door.ask(R"({"op":"dead_letters"})").at("dead_letters");
  const auto id = listed.at(1).at("id").dump();
  // Parked: the letter stays, and the refusal says why.
  check(door, {R"({"op":"replay","id":)" + id + "}", Errc::parked, {"vase", "stays"}});
  const auto refused = door.ask(R"({"op":"replay","all":true})");
  CHECK(refused.at("replayed") == 0);
  CHECK(refused.at("refused") == 2);
  CHECK(refused.at("refusals").at(0).at("code") == "parked");
  door.is_broken = false;
  (void)door.ask(R"({"op":"unpark","name":"vase"})");
  CHECK(door.ask(R"({"op":"replay","id":)" + id + "}").at("replayed") == 1);
  CHECK(door.type->got.back().text == "bad 2");
  check(door, {R"({"op":"replay","id":)" + id + "}", Errc::bad_arg, {"no dead letter"}});
  CHECK(door.ask(R"({"op":"replay","target":"vase"})").at("replayed") == 1);
  CHECK(door.ask(R"({"op":"dead_letters"})").at("matched") == 0);
  CHECK(door.stage.ledger().is_balanced());
}

TEST_CASE("letters are dropped by the same choice", "[admin]") {
  Door door;
  for (const char* text : {"bad 1", "bad 2", "bad 3"}) door.fail(text);
  const auto id = door.ask(R"({"op":"dead_letters"})").at("dead_letters").at(0).at("id").dump();
  CHECK(door.ask(R"({"op":"drop_letters","id":)" + id + "}").at("dropped") == 1);
  CHECK(door.ask(R"({"op":"drop_letters","cause":"parked"})").at("dropped") == 0);
  CHECK(door.ask(R"({"op":"drop_letters","all":true})").at("dropped") == 2);
  const auto counts = door.ask(R"({"op":"dead_letters"})").at("causes").at("failed");
  CHECK(counts.at("dropped") == 3);
  CHECK(counts.at("kept") == 0);
}

}  // namespace backstage::daemon
