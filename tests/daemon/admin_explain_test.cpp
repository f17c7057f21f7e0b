// The admin door's op explain: the sentences it says and the facts it gives.
#include "tests/daemon/admin_door.hpp"

namespace backstage::daemon {
namespace {

std::string text_of(Door& door, std::string_view what, std::string_view as = {}) {
  Json question{{"op", "explain"}, {"what", what}};
  if (!as.empty()) question["as"] = as;
  return door.ask(question.dump()).at("text");
}

}  // namespace

TEST_CASE("explain says of a name what it does and what waits, or who would make it", "[admin]") {
  Door door;
  CHECK(text_of(door, "nobody") ==
        "no actor has the name \"nobody\", and no activation rule makes one: a message to it is"
        " refused with no_actor; op spawn makes one by hand");
  ActivationRule rule;
  rule.activate = "vase:{1}";
  rule.type = "fragile";
  rule.max = 1;
  REQUIRE(door.stage.engine.add_activation(rule));
  CHECK(text_of(door, "vase:a") ==
        "no actor has the name \"vase:a\"; the activation rule \"vase:{1}\" makes one of type"
        " fragile with the next message");
  REQUIRE(door.stage.send("vase:a", "x"));
  door.stage.settle();
  CHECK(text_of(door, "vase:a") ==
        "\"vase:a\" (fragile) runs and handles nothing now; no message waits");
  CHECK(text_of(door, "vase:b") ==
        "no actor has the name \"vase:b\"; the activation rule \"vase:{1}\" has made the 1 actor"
        " it may: a message is refused with activation_limit");
  door.fail("bad");
  door.stage.advance(12s);
  CHECK(text_of(door, "vase") ==
        "\"vase\" (fragile) has been parked for 12 s: it failed too often, the last time with"
        " \"it is bad\"; no message waits; mend the cause, then"
        " {\"op\":\"unpark\",\"name\":\"vase\"}");
  const auto parked = door.ask(R"({"op":"explain","what":"vase"})");
  CHECK(parked.at("phase") == "parked");
  CHECK(parked.at("last_failure") ==
        Json{{"reason", "it is bad"}, {"ago_ms", 12'000}, {"since_ms", 12'000}});
  CHECK(parked.at("mailbox").at("refuses") == "parked");
  CHECK(parked.at("mailbox").at("messages_max") == 100);
  CHECK(text_of(door, "$backstage").find("runs and handles a request now") != std::string::npos);
  // All digits, and yet a name.
  CHECK(text_of(door, "12", "name").find("no actor has the name \"12\"") == 0);
}

TEST_CASE("explain says of an address what it is at, who hears it and whom it would make",
          "[admin]") {
  Door door;
  ActivationRule rule;
  rule.activate = "vase:{1}";
  rule.type = "fragile";
  rule.on = *Pattern::parse("feed/*");
  REQUIRE(door.stage.engine.add_activation(rule));
  CHECK(text_of(door, "feed/x") ==
        "nothing was published on \"feed/x\" yet; no subscription matches; \"vase:x\" does not"
        " live, and the activation rule \"vase:{1}\" makes one of type fragile with the next"
        " message");
  REQUIRE(door.stage.publish("feed/x", "value", true));
  door.stage.settle();
  CHECK(text_of(door, "feed/x") ==
        "the last publish on \"feed/x\" had number 1, number 1 is retained; 1 subscription"
        " matches");
  const auto facts = door.ask(R"({"op":"explain","what":"feed/x"})");
  CHECK(facts.at("subscriptions").at("listed").at(0).at("subscriber") == "vase:x");
  CHECK(facts.at("retained").at("bytes") == 5);
  CHECK(facts.at("activations").at(0).at("is_living") == true);
  CHECK(text_of(door, "feed", "address").find("nothing was published on \"feed/default\"") == 0);
}

TEST_CASE("explain says of a message where it is or how it ended", "[admin]") {
  Door door;
  CHECK(text_of(door, "4711") == "no message has the number 4711 yet");
  door.fail("bad");
  const auto letter = door.stage.engine.dead_letters().at(0);
  const auto id = std::to_string(static_cast<std::uint64_t>(letter.id));
  CHECK(text_of(door, id) == "message " + id +
                                 " (a send to \"vase\") is a dead letter since 0 ms, cause failed:"
                                 " it is bad; {\"op\":\"replay\",\"id\":" +
                                 id + "} gives it to \"vase\" again");
  CHECK(door.ask(R"({"op":"explain","what":)" + id + "}").at("state") == "dead_letter");
  REQUIRE(door.stage.engine.spawn({.type = "fragile",
                                   .name = "narrow",
                                   .mailbox = MailboxLimits{1, 10},
                                   .overflow = Overflow::drop_oldest}));
  door.stage.settle();
  const auto first = door.stage.send("narrow", "1");
  const auto second = door.stage.send("narrow", "2");
  REQUIRE(second);
  CHECK(text_of(door, std::to_string(static_cast<std::uint64_t>(*first)))
            .find("to \"narrow\" was dropped (oldest): it was the oldest in a full mailbox and made"
                  " room") != std::string::npos);
  // Handled by now: the stage settles while it asks.
  CHECK(text_of(door, std::to_string(static_cast<std::uint64_t>(*second)))
            .find("nothing is kept of message") == 0);
}

}  // namespace backstage::daemon
