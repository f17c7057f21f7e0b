// The table of subscriptions and the watchers of interest, without an engine.
#include "core/subscriptions.hpp"

#include <random>
#include <string>

#include "core/interest.hpp"
#include "tests/support/catch.hpp"

using namespace backstage;

namespace {

constexpr std::uint32_t flood = 100'000;

ActorId actor(std::uint32_t slot) { return {slot, 1}; }
Pattern pattern(std::string_view text) { return *Pattern::parse(text); }
Address address(std::string_view text) { return *Address::parse(text); }

Subscription of(std::uint32_t slot, bool is_client = false, bool snapshot = false) {
  return {{}, actor(slot), nullptr, is_client, Overflow::reject, snapshot, 0};
}

std::vector<Subscription> reached(const Subscriptions& table, std::string_view text,
                                  std::uint64_t known = 0,
                                  const std::vector<std::uint64_t>& caught_up = {}) {
  return Subscriptions::reached(table.matching(address(text)), known, caught_up);
}

std::vector<std::uint32_t> slots(const std::vector<Subscription>& all) {
  std::vector<std::uint32_t> found;
  found.reserve(all.size());
  for (const auto& subscription : all) found.push_back(subscription.subscriber.slot);
  return found;
}

void shuffle(std::vector<SubscriptionId>& ids, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (std::size_t i = ids.size(); i > 0; --i) std::swap(ids[i - 1], ids[random() % i]);
}

using Slots = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("a subscriber has one subscription of a pattern, and again keeps its id", "[core]") {
  Subscriptions table;
  const auto first = table.add(pattern("feed/*"), of(1));
  CHECK(first.is_edge);
  const auto second = table.add(pattern("feed/*"), of(2));
  CHECK_FALSE(second.is_edge);
  const auto again = table.add(pattern("feed/*"), of(1, false, true));
  CHECK_FALSE(again.is_edge);
  CHECK(again.subscription.id == first.subscription.id);
  CHECK(again.subscription.born > second.subscription.born);
  CHECK(table.find(actor(1), pattern("feed/*"))->snapshot);
  CHECK(table.find(actor(1), pattern("feed/a")) == nullptr);
  CHECK(table.size() == 2);
}

TEST_CASE("removing tells whose it was and whether it was the last", "[core]") {
  Subscriptions table;
  const auto id = table.add(pattern("feed/a"), of(1)).subscription.id;
  table.add(pattern("feed/a"), of(2));
  const auto version = table.version();
  CHECK(table.remove(id, pattern("feed/b")).subscription.id == SubscriptionId{});
  CHECK(table.remove(actor(3), pattern("feed/a")).subscription.id == SubscriptionId{});
  CHECK(table.version() == version);
  const auto removed = table.remove(id, pattern("feed/a"));
  CHECK(removed.subscription.subscriber == actor(1));
  CHECK_FALSE(removed.is_edge);
  CHECK(table.remove(actor(2), pattern("feed/a")).is_edge);
  CHECK(table.remove(id, pattern("feed/a")).subscription.id == SubscriptionId{});
  CHECK(table.size() == 0);
  CHECK(table.patterns() == 0);
}

TEST_CASE("a publish reaches hosted actors once under their oldest id, in the order of ids",
          "[core]") {
  Subscriptions table;
  table.add(pattern("*/a"), of(7));
  table.add(pattern("feed/>"), of(5));
  table.add(pattern("feed/a"), of(9, true));
  table.add(pattern("feed/a"), of(7));
  table.add(pattern("feed/*"), of(9, true));
  table.add(pattern("feed/a"), of(5));
  const auto all = reached(table, "feed/a");
  CHECK(slots(all) == Slots{7, 5, 9, 9});
  CHECK(all[0].id == SubscriptionId{1});
  CHECK(table.reached_as(actor(7), address("feed/a")) == SubscriptionId{1});
  CHECK(table.reached_as(actor(5), address("feed/a")) == SubscriptionId{2});
  CHECK(table.reached_as(actor(5), address("other/a")) == SubscriptionId{});
  table.remove(actor(7), pattern("*/a"));
  CHECK(slots(reached(table, "feed/a")) == Slots{5, 9, 7, 9});
}

TEST_CASE("a snapshot is wanted by those who asked, came since and have not had it", "[core]") {
  Subscriptions table;
  table.add(pattern("feed/a"), of(1, true, true));
  const auto known = table.version();
  const auto had = table.add(pattern("feed/a"), of(2, true, true)).subscription.born;
  table.add(pattern("feed/a"), of(3, true, false));
  table.add(pattern("feed/a"), of(4, false, false));
  table.add(pattern("feed/*"), of(4, false, true));
  table.add(pattern("feed/a"), of(5, true, true));
  Slots wanting;
  for (const auto& subscription : reached(table, "feed/a", known, {had})) {
    if (subscription.snapshot) wanting.push_back(subscription.subscriber.slot);
  }
  CHECK(wanting == Slots{4, 5});
}

TEST_CASE("what a subscriber holds is found by its own name only", "[core]") {
  Subscriptions table;
  for (std::uint32_t i = 0; i < 1'000; ++i) {
    table.add(pattern("feed/" + std::to_string(i)), of(1'000 + i));
  }
  table.add(pattern("feed/b"), of(5));
  table.add(pattern("*/a"), of(5));
  table.add(pattern("feed/b"), {{}, {5, 2}, nullptr, false, Overflow::reject, false, 0});
  CHECK(table.patterns_of(actor(5)) == std::vector{pattern("*/a"), pattern("feed/b")});
  CHECK(table.patterns_of(actor(6)).empty());
}

TEST_CASE("patterns about an actor are its own and those of any actor", "[core]") {
  Subscriptions table;
  for (const auto* text : {"feed/b", "feed.x/a", "feed/a", "fee/a", "*/md.>", "feed1/a", "$x/a"}) {
    table.add(pattern(text), of(1));
  }
  std::vector<std::string> texts;
  for (const auto* group : table.about("feed")) texts.push_back(group->pattern.text());
  CHECK(texts == std::vector<std::string>{"*/md.>", "feed/a", "feed/b"});
}

TEST_CASE("100,000 subscribers of one pattern come and go in any order", "[core]") {
  for (const auto* text : {"feed/a", "feed/*"}) {
    Subscriptions table;
    std::vector<SubscriptionId> ids;
    for (std::uint32_t i = 0; i < flood; ++i) {
      ids.push_back(table.add(pattern(text), of(i)).subscription.id);
      if (i % 2 == 0) table.add(pattern(text), of(i, false, true));
    }
    REQUIRE(table.size() == flood);
    const auto all = reached(table, "feed/a");
    REQUIRE(all.size() == flood);
    CHECK(std::is_sorted(all.begin(), all.end(),
                         [](const auto& a, const auto& b) { return a.id < b.id; }));
    shuffle(ids, 1);
    std::size_t edges = 0;
    for (std::uint32_t i = flood; i > 0; --i) {
      const auto removed =
          i % 2 == 0
              ? table.remove(ids[i - 1], pattern(text))
              : table.remove(actor(static_cast<std::uint32_t>(ids[i - 1]) - 1), pattern(text));
      REQUIRE(removed.subscription.id == ids[i - 1]);
      edges += removed.is_edge ? 1U : 0U;
    }
    CHECK(edges == 1);
    CHECK(table.patterns() == 0);
    CHECK(table.wildcards().nodes() == 0);
  }
}

TEST_CASE("100,000 patterns come and go, and an address sees its own", "[core]") {
  Subscriptions table;
  for (std::uint32_t i = 0; i < flood; ++i) {
    const auto number = std::to_string(i);
    table.add(pattern((i % 2 == 0 ? "feed/md." : "feed/*.") + number), of(i % 100));
  }
  CHECK(slots(reached(table, "feed/md.42")) == Slots{42});
  CHECK(slots(reached(table, "feed/x.41")) == Slots{41});
  CHECK(table.patterns_of(actor(7)).size() == flood / 100);
  for (std::uint32_t slot = 0; slot < 100; ++slot) {
    for (const auto& held : table.patterns_of(actor(slot))) table.remove(actor(slot), held);
  }
  CHECK(table.size() == 0);
  CHECK(table.patterns() == 0);
  CHECK(table.wildcards().nodes() == 0);
}

TEST_CASE("interest is asked of the watchers it could concern and of no others", "[core]") {
  Interest interest;
  for (std::uint32_t i = 0; i < flood; ++i) {
    CHECK(interest.watch(actor(i + 10), pattern("other" + std::to_string(i) + "/>")));
  }
  CHECK(interest.watch(actor(1), pattern("feed/md.*")));
  CHECK_FALSE(interest.watch(actor(1), pattern("feed/md.*")));
  CHECK(interest.watch(actor(1), pattern("feed/news")));
  std::vector<ActorId> found;
  CHECK(interest.concerned(pattern("feed/md.BTC"), found) == 2);
  CHECK(found == std::vector{actor(1)});
  found.clear();
  CHECK(interest.concerned(pattern("nobody/a"), found) == 0);
  CHECK(interest.concerned(pattern("*/a"), found) == flood + 2);
  CHECK(found.size() == flood + 2);
  interest.forget(actor(flood / 2));
  CHECK(interest.size() == flood + 1);
  for (std::uint32_t i = 0; i < flood; ++i) interest.forget(actor(i + 10));
  interest.forget(actor(9));
  CHECK(interest.size() == 2);
  interest.forget(actor(1));
  CHECK(interest.size() == 0);
}
