// Names, addresses and patterns: the grammar, good and bad.
#include "core/values/names.hpp"
#include "core/values/limits.hpp"
#include "core/values/pattern.hpp"
#include "tests/support/catch.hpp"

using namespace backstage;

TEST_CASE("an actor name is 1 to 64 of the grammar's bytes", "[core]") {
  for (const auto* good : {"a", "book:BTC-USD", "A.b_c-9", "%00", "x%2Fy", "$dead"}) {
    INFO(good);
    CHECK(is_actor_name(good));
  }
  CHECK(is_actor_name(std::string(64, 'x')));
  for (const auto* bad : {"", "$", "a b", "a/b", "a*", ">", "%", "%4", "%4g", "a\n", "\xc3\xa9"}) {
    INFO(bad);
    CHECK_FALSE(is_actor_name(bad));
  }
  CHECK_FALSE(is_actor_name(std::string(65, 'x')));
  CHECK_FALSE(is_actor_name(std::string_view("a\0b", 3)));
}

TEST_CASE("an escaped byte counts three of the limit", "[core]") {
  std::string name(61, 'x');
  CHECK(is_actor_name(name + "%41"));
  CHECK_FALSE(is_actor_name(name + "x%41"));
}

TEST_CASE("a topic has no empty token", "[core]") {
  CHECK(is_topic_name("md.BTC.delta"));
  for (const auto* bad : {".a", "a.", "a..b", ".", ""}) CHECK_FALSE(is_topic_name(bad));
}

TEST_CASE("an address without a topic means the default topic", "[core]") {
  CHECK(Address::parse("counter")->text() == "counter/default");
  CHECK(Address::parse("a/b.c")->actor() == "a");
  CHECK(Address::parse("a/b.c")->topic() == "b.c");
  for (const auto* bad : {"", "/", "a/", "/b", "a/b/c", "a/*", "*/b"}) {
    INFO(bad);
    CHECK(Address::parse(bad).error() == Errc::bad_addr);
  }
}

TEST_CASE("an address of 200 bytes is legal and of 201 is not", "[core]") {
  const std::string actor(64, 'a');
  CHECK(Address::parse(actor + "/" + std::string(128, 't')));
  const std::string longer = actor + "/" + std::string(129, 't');
  CHECK_FALSE(Address::parse(longer));
}

TEST_CASE("patterns take * for a token, > for the rest and * for any actor", "[core]") {
  struct Row {
    const char* pattern;
    const char* address;
    bool matches;
  };
  const Row rows[] = {
      {"feed", "feed/default", true},
      {"feed/md.*.delta", "feed/md.BTC.delta", true},
      {"feed/md.*.delta", "feed/md.delta", false},
      {"feed/md.*.delta", "feed/md.a.b.delta", false},
      {"*/md.>", "x/md.a", true},
      {"*/md.>", "x/md.a.b.c", true},
      {"*/md.>", "x/md", false},
      {"feed/*", "feed/a", true},
      {"feed/*", "feed/a.b", false},
      {"feed/>", "feed/a.b", true},
      {"feed/a", "feed/ab", false},
      {"feed/a", "other/a", false},
      {"*/*", "x/y", true},
  };
  for (const auto& row : rows) {
    INFO(row.pattern << " on " << row.address);
    CHECK(Pattern::parse(row.pattern)->matches(*Address::parse(row.address)) == row.matches);
  }
}

TEST_CASE("a wildcard in the wrong place is refused", "[core]") {
  for (const auto* bad : {"", "fe*d/x", "feed/a*", "feed/>.a", "feed/", "/x", "feed/a..b", ">",
                          "feed/a.", "**/x", "feed/**", "a/b/c", "feed/.a"}) {
    INFO(bad);
    CHECK(Pattern::parse(bad).error() == Errc::bad_addr);
  }
}

TEST_CASE("captures are what the wildcards stood for", "[core]") {
  const auto pattern = *Pattern::parse("*/md.*.>");
  const auto address = *Address::parse("feed/md.BTC.l2.delta");
  const auto captures = pattern.captures(address);
  REQUIRE(captures.size() == 3);
  CHECK(captures[0] == "feed");
  CHECK(captures[1] == "BTC");
  CHECK(captures[2] == "l2.delta");
}
