// Access rules: globs, entries, first match wins, patterns; and a naive model that must agree.
#include <fmt/core.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "core/values/pattern.hpp"
#include "daemon/policy/acl.hpp"
#include "daemon/policy/glob.hpp"
#include "tests/support/catch.hpp"

namespace backstage::policy {
namespace {

constexpr std::uint32_t own = 1000;

Rule rule(std::string user, bool allows, std::initializer_list<std::string_view> entries) {
  Rule made{.user = std::move(user), .allows = allows, .entries = {}};
  for (const auto text : entries) made.entries.push_back(parse_entry(text).value());
  return made;
}

Rights rights(std::vector<Rule> rules, std::string_view user) {
  return Acl(std::move(rules), own).rights_of(user);
}

// The naive model: every way to spend the stars.
bool naive_match(std::string_view glob, std::string_view text) {
  if (glob.empty()) return text.empty();
  if (glob[0] != '*') {
    return !text.empty() && glob[0] == text[0] && naive_match(glob.substr(1), text.substr(1));
  }
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (naive_match(glob.substr(1), text.substr(i))) return true;
  }
  return false;
}

// Of rules as they are written, one address at a time.
struct Written {
  std::string user;
  bool allows;
  std::string verb;
  std::string actor;
  std::string topic;
};

bool naive_allows(const std::vector<Written>& rules, std::string_view user, std::string_view verb,
                  std::string_view actor, std::string_view topic, bool is_trusted) {
  for (const auto& one : rules) {
    if (!naive_match(one.user, user) || (one.verb != "*" && one.verb != verb)) continue;
    if (naive_match(one.actor, actor) && naive_match(one.topic, topic)) return one.allows;
  }
  return is_trusted;
}

}  // namespace

TEST_CASE("without rules the machine's own may everything and others nothing", "[policy]") {
  for (const auto* user : {"tcp:local", "unix:0", "unix:1000"}) {
    const auto mine = rights({}, user);
    CHECK(mine.is_everything());
    CHECK(mine.allows(Right::admin));
    CHECK(mine.allows(Right::sub, "*/>"));
    CHECK_FALSE(mine.allows_expressly(Right::pub, "feed/x"));
  }
  for (const auto* user :
       {"", "unix:1001", "unix:10000", "tcp:remote", "curve:desk", "tcp:localx"}) {
    INFO(user);
    const auto theirs = rights({}, user);
    CHECK_FALSE(theirs.is_everything());
    for (std::size_t i = 0; i < right_count; ++i) {
      CHECK_FALSE(theirs.allows(static_cast<Right>(i), "feed/x"));
    }
  }
}

TEST_CASE("the first rule that matches decides", "[policy]") {
  const std::vector<Rule> rules{
      rule("curve:dash*", false, {"sub:sensors/secret*"}),
      rule("curve:dash*", true, {"sub:sensors/*", "get"}),
      rule("unix:1000", false, {"admin", "send:counter"}),
      rule("*", false, {"*"}),
  };
  const auto dash = rights(rules, "curve:dash1");
  CHECK(dash.allows(Right::sub, "sensors/room"));
  CHECK(dash.allows(Right::sub, "sensors/room.a.b"));
  CHECK_FALSE(dash.allows(Right::sub, "sensors/secret"));
  CHECK_FALSE(dash.allows(Right::sub, "sensor/room"));
  CHECK(dash.allows(Right::get, "anything/at.all"));
  CHECK_FALSE(dash.allows(Right::send, "counter"));
  const auto self = rights(rules, "unix:1000");
  CHECK_FALSE(self.allows(Right::admin));
  CHECK_FALSE(self.allows(Right::send, "counter"));
  // Even who is trusted is bound by a rule for all.
  CHECK_FALSE(self.allows(Right::send, "other"));
  CHECK_FALSE(rights(rules, "tcp:local").allows(Right::sync));
}

TEST_CASE("a pattern is allowed only as a whole", "[policy]") {
  const std::vector<Rule> rules{rule("*", false, {"sub:feed/secret.*"}),
                                rule("*", true, {"sub:feed/*", "sub:*/public"})};
  const auto mine = rights(rules, "curve:a");
  CHECK(mine.allows(Right::sub, "feed/md.x"));
  CHECK(mine.allows(Right::sub, "feed/md.>"));
  CHECK(mine.allows(Right::sub, "feed/md.*.delta"));
  CHECK(mine.allows(Right::sub, "*/public"));
  CHECK_FALSE(mine.allows(Right::sub, "feed/>"));
  CHECK_FALSE(mine.allows(Right::sub, "feed/*.key"));
  CHECK_FALSE(mine.allows(Right::sub, "*/>"));
  // `*` is one token: `secret.x` has two.
  CHECK(mine.allows(Right::sub, "feed/*"));
}

TEST_CASE("to speak under another's name takes a rule that says so", "[policy]") {
  CHECK_FALSE(
      rights({rule("tcp:local", true, {"*"})}, "tcp:local").allows_expressly(Right::pub, "feed/x"));
  const auto named = rights({rule("tcp:local", true, {"pub:feed/*"})}, "tcp:local");
  CHECK(named.allows_expressly(Right::pub, "feed/x"));
  CHECK_FALSE(named.allows_expressly(Right::pub, "other/x"));
  CHECK(named.allows(Right::pub, "other/x"));
}

TEST_CASE("entries say which right, and where", "[policy]") {
  for (const auto* good :
       {"*", "send", "send:counter", "sub:sensors/*", "*:book:*", "admin", "admin:*", "name:desk*",
        "pub:*/quote.*", "ingest:meter-%20", "req:$x", "sync"}) {
    INFO(good);
    CHECK(parse_entry(good));
  }
  for (const auto* bad :
       {"", "Send", "sned:x", "send:", "send:a/b", "sub:a/", "sub:/x", "sub:a/b/c", "admin:x",
        "sync:x", "name:a/b", "sub:a b", ":x", "sub:a>", "watch:a/b"}) {
    INFO(bad);
    REQUIRE_FALSE(parse_entry(bad));
    CHECK_FALSE(parse_entry(bad).error().empty());
  }
  CHECK_FALSE(parse_entry("send:" + std::string(201, 'a')));
  const auto colon = rights({rule("*", true, {"send:book:*"})}, "curve:a");
  CHECK(colon.allows(Right::send, "book:BTC"));
  CHECK_FALSE(colon.allows(Right::send, "book"));
  // About addresses alone: an actor has no topic.
  CHECK_FALSE(rights({rule("*", true, {"*:feed/x"})}, "curve:a").allows(Right::send, "feed"));
}

TEST_CASE("globs agree with a naive matcher on random texts", "[policy]") {
  std::mt19937 dice(7);  // NOLINT(cert-msc32-c,cert-msc51-cpp): a failure must come again
  const auto text_of = [&](std::string_view letters, std::size_t most) {
    std::string text(dice() % (most + 1), 'x');
    for (char& c : text) c = letters[dice() % letters.size()];
    return text;
  };
  for (int i = 0; i < 20'000; ++i) {
    const auto glob = text_of("ab.*", 7);
    const auto text = text_of("ab.", 8);
    CAPTURE(glob, text);
    REQUIRE(glob_matches(glob, text) == naive_match(glob, text));
  }
}

TEST_CASE("rules agree with a naive model, and patterns with all their addresses", "[policy]") {
  std::mt19937 dice(11);  // NOLINT(cert-msc32-c,cert-msc51-cpp): a failure must come again
  const auto pick = [&](const auto& from) { return from[dice() % from.size()]; };
  const std::array<std::string, 4> actors{"a", "b", "ab", "c"};
  const std::array<std::string, 8> topics{"x", "y", "x.y", "y.x", "x.x", "xy", "x.y.z", "y.y"};
  const std::array<std::string, 6> actor_globs{"*", "a", "a*", "*b", "b", "c*"};
  const std::array<std::string, 8> topic_globs{"*", "x", "x*", "*.y", "x.*", "*y*", "y.x", "*x"};
  const std::array<std::string, 3> user_globs{"*", "curve:*", "curve:d"};
  const std::array<std::string, 2> users{"curve:d", "tcp:local"};
  const std::array<std::string, 3> verbs{"sub", "get", "*"};
  const std::array<std::string, 10> patterns{"a/>",   "*/x", "*/>",   "a/*",   "ab/x.*",
                                             "b/*.y", "*/*", "*/x.>", "a/x.*", "c/*.x"};
  int allowed = 0;
  for (int round = 0; round < 3'000; ++round) {
    std::vector<Written> written;
    std::vector<Rule> rules;
    for (auto count = 1 + dice() % 4; count > 0; --count) {
      const Written& one = written.emplace_back(Written{
          pick(user_globs), dice() % 2 == 0, pick(verbs), pick(actor_globs), pick(topic_globs)});
      rules.push_back(rule(one.user, one.allows, {one.verb + ':' + one.actor + '/' + one.topic}));
    }
    const auto user = pick(users);
    const auto mine = rights(rules, user);
    const auto naive = [&](const std::string& actor, const std::string& topic) {
      return naive_allows(written, user, "sub", actor, topic, user == "tcp:local");
    };
    for (const auto& actor : actors) {
      for (const auto& topic : topics) {
        CAPTURE(user, actor, topic);
        const std::string address = fmt::format("{}/{}", actor, topic);
        REQUIRE(mine.allows(Right::sub, address) == naive(actor, topic));
      }
    }
    for (const auto& text : patterns) {
      if (!mine.allows(Right::sub, text)) continue;
      ++allowed;
      const auto pattern = Pattern::parse(text).value();
      for (const auto& actor : actors) {
        for (const auto& topic : topics) {
          CAPTURE(user, text, actor, topic);
          if (pattern.matches(actor, topic)) REQUIRE(naive(actor, topic));
        }
      }
    }
  }
  // Not by refusing everything.
  CHECK(allowed > 3'000);
}

TEST_CASE("overlaps are found exactly on small alphabets", "[policy]") {
  const std::array<std::string_view, 9> globs{"*/*",  "a/*", "*/x",   "a/x.*", "a/*.y",
                                              "*b/*", "a/x", "c*/y*", "*/*x*"};
  const std::array<std::string, 6> patterns{"a/*", "a/>", "*/x", "b/x.*", "*/*.y", "a/x"};
  const std::array<std::string, 4> actors{"a", "b", "ab", "cb"};
  const std::array<std::string, 10> topics{"x",     "y",  "x.y", "x.x", "z.y",
                                           "x.z.y", "zx", "yx",  "z",   "y.y"};
  for (const auto glob : globs) {
    for (const auto& text : patterns) {
      const auto pattern = Pattern::parse(text).value();
      bool is_met = false;
      for (const auto& actor : actors) {
        for (const auto& topic : topics) {
          const std::string address = fmt::format("{}/{}", actor, topic);
          is_met = is_met || (pattern.matches(actor, topic) && naive_match(glob, address));
        }
      }
      CAPTURE(glob, text);
      CHECK(glob_overlaps(glob, text) == is_met);
    }
  }
}

}  // namespace backstage::policy
