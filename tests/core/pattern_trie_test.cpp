// The trie of wildcard patterns against the naive matcher, and what a match costs in nodes.
#include "core/pattern_trie.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <string>

#include "core/subscriptions.hpp"
#include "tests/support/catch.hpp"

using namespace backstage;

namespace {

using Texts = std::vector<std::string>;

// Patterns and addresses from few names, so that they meet often.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::size_t roll(std::size_t sides) { return static_cast<std::size_t>(random_() % sides); }

  Pattern pattern() {
    std::string text = roll(3) == 0 ? "*" : actor();
    const auto tokens = 1 + roll(5);
    for (std::size_t i = 0; i < tokens; ++i) {
      text += i == 0 ? '/' : '.';
      const auto side = roll(6);
      if (side == 0 && i + 1 == tokens) {
        text += '>';
      } else {
        text += side < 3 ? "*" : token();
      }
    }
    return *Pattern::parse(text);
  }
  Address address() {
    std::string text = actor();
    const auto tokens = 1 + roll(5);
    for (std::size_t i = 0; i < tokens; ++i) text += (i == 0 ? '/' : '.') + token();
    return *Address::parse(text);
  }

 private:
  std::string actor() { return std::vector<std::string>{"a", "b", "a.b", "x:1"}[roll(4)]; }
  std::string token() { return std::vector<std::string>{"a", "b", "ab", "%2A"}[roll(4)]; }
  std::mt19937_64 random_;
};

Texts found_in(const PatternTrie& trie, const Address& address) {
  std::vector<const Subscribers*> groups;
  trie.match(address, groups);
  Texts texts;
  for (const auto* group : groups) texts.push_back(group->pattern.text());
  std::sort(texts.begin(), texts.end());
  return texts;
}

std::size_t cost_of(const PatternTrie& trie, std::string_view address) {
  std::vector<const Subscribers*> groups;
  return trie.match(*Address::parse(address), groups);
}

// A trie and the groups it points to.
struct Planted {
  void add(std::string_view text) {
    groups.push_back({*Pattern::parse(text), 0, {}});
    trie.insert(groups.back().pattern, groups.back());
  }
  PatternTrie trie;
  std::deque<Subscribers> groups;
};

}  // namespace

TEST_CASE("the trie finds what the naive matcher finds, while patterns come and go", "[core]") {
  std::size_t matches = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    Dice dice(seed);
    PatternTrie trie;
    std::map<std::string, Subscribers> known;
    for (int step = 0; step < 2'000; ++step) {
      const auto pattern = dice.pattern();
      const auto place = known.find(pattern.text());
      if (place == known.end()) {
        const auto added = known.emplace(pattern.text(), Subscribers{pattern, 0, {}}).first;
        trie.insert(pattern, added->second);
      } else {
        REQUIRE(trie.remove(pattern));
        REQUIRE_FALSE(trie.remove(pattern));
        known.erase(place);
      }
      const auto address = dice.address();
      Texts naive;
      for (const auto& [text, group] : known) {
        if (group.pattern.matches(address)) naive.push_back(text);
      }
      matches += naive.size();
      INFO(address.text());
      REQUIRE(found_in(trie, address) == naive);
    }
    for (const auto& [text, group] : known) REQUIRE(trie.remove(group.pattern));
    CHECK(trie.nodes() == 0);
  }
  CHECK(matches > 100'000);
}

TEST_CASE("removing what is not there leaves the trie as it is", "[core]") {
  Planted planted;
  planted.add("feed/md.*");
  const auto nodes = planted.trie.nodes();
  for (const auto* absent : {"feed/>", "feed/md.>", "feed/*", "*/md.*", "feed/md.*.x", "x/*"}) {
    INFO(absent);
    CHECK_FALSE(planted.trie.remove(*Pattern::parse(absent)));
  }
  CHECK(planted.trie.nodes() == nodes);
  CHECK(found_in(planted.trie, *Address::parse("feed/md.BTC")) == Texts{"feed/md.*"});
}

TEST_CASE("nodes go with the last pattern that needs them", "[core]") {
  Planted planted;
  for (const auto* text : {"feed/md.*.delta", "feed/md.*.trade", "feed/md.>", "*/*"}) {
    planted.add(text);
  }
  CHECK(planted.trie.nodes() == 7);  // feed md * delta trade, * *
  CHECK(planted.trie.remove(*Pattern::parse("feed/md.*.delta")));
  CHECK(planted.trie.nodes() == 6);
  CHECK(planted.trie.remove(*Pattern::parse("feed/md.>")));
  CHECK(planted.trie.nodes() == 6);
  CHECK(planted.trie.remove(*Pattern::parse("feed/md.*.trade")));
  CHECK(planted.trie.nodes() == 2);
  CHECK(planted.trie.remove(*Pattern::parse("*/*")));
  CHECK(planted.trie.nodes() == 0);
}

TEST_CASE("100,000 unrelated patterns add nothing to the cost of a match", "[core]") {
  Planted planted;
  for (const auto* text : {"feed/md.BTC.*", "feed/md.>", "*/md.*.delta", "*/>"}) planted.add(text);
  const auto address = *Address::parse("feed/md.BTC.delta");
  const auto matches = found_in(planted.trie, address);
  REQUIRE(matches.size() == 4);
  const auto cost = cost_of(planted.trie, address.text());
  CHECK(cost == 8);  // feed md BTC *, * md * delta
  for (int i = 0; i < 25'000; ++i) {
    const auto number = std::to_string(i);
    planted.add("feed" + number + "/>");
    planted.add("feed/md." + number + ".*");
    planted.add("*/md.*.trade" + number + ".>");
    planted.add("*/other" + number + ".*.delta");
  }
  CHECK(planted.trie.nodes() > 100'000);
  CHECK(cost_of(planted.trie, address.text()) == cost);
  CHECK(found_in(planted.trie, address) == matches);
}

TEST_CASE("a match costs a node for each token of each pattern it follows", "[core]") {
  Planted planted;
  std::string address = "a/t";
  for (int i = 0; i < 20; ++i) address += ".t";
  planted.add("a/>");
  CHECK(cost_of(planted.trie, address) == 1);
  std::string star = "*/*";
  for (int i = 0; i < 20; ++i) star += ".*";
  planted.add(star);
  CHECK(cost_of(planted.trie, address) == 1 + 22);
  CHECK(cost_of(planted.trie, "a/t") == 1 + 2);
  CHECK(cost_of(planted.trie, "b/t") == 2);
}
