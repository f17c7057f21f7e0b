// Which SUB sockets want what: prefixes, counts, and everybody once.
#include "daemon/transport/zmtp_filters.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>

#include "tests/support/catch.hpp"

namespace backstage::transport::test {
namespace {

// Descriptors are of no interest here.
std::unique_ptr<ZmtpConnection> connection() {
  return std::make_unique<ZmtpConnection>(-1, Door::pub, 1'024);
}

std::set<ZmtpConnection*> matched(ZmtpFilters& filters, std::string_view text) {
  const auto& all = filters.match(text);
  std::set<ZmtpConnection*> once(all.begin(), all.end());
  CHECK(once.size() == all.size());
  return once;
}

TEST_CASE("a filter matches what begins with it, and nothing else", "[gateway][zmtp]") {
  ZmtpFilters filters;
  const auto one = connection();
  filters.add(*one, "feed/x|");
  CHECK(matched(filters, "feed/x|1|e|feed") == std::set{one.get()});
  CHECK(matched(filters, "feed/xy|1|e|feed").empty());
  CHECK(matched(filters, "feed/x").empty());
  filters.add(*one, "");
  CHECK(matched(filters, "anything") == std::set{one.get()});
}

TEST_CASE("a filter that is set twice is there until it is taken back twice", "[gateway][zmtp]") {
  ZmtpFilters filters;
  const auto one = connection();
  filters.add(*one, "a");
  filters.add(*one, "a");
  CHECK(filters.remove(*one, "a"));
  CHECK(matched(filters, "ab").size() == 1);
  CHECK(filters.remove(*one, "a"));
  CHECK(matched(filters, "ab").empty());
  CHECK_FALSE(filters.remove(*one, "a"));
  CHECK_FALSE(filters.remove(*one, "b"));
}

TEST_CASE("who leaves is told of once for each time that it had set a filter", "[gateway][zmtp]") {
  ZmtpFilters filters;
  const auto one = connection();
  const auto other = connection();
  for (const char* filter : {"a", "b", "a"}) filters.add(*one, filter);
  filters.add(*other, "a");
  std::multiset<std::string> told;
  filters.remove_all(*one, [&](std::string_view filter) { told.emplace(filter); });
  CHECK(told == std::multiset<std::string>{"a", "a", "b"});
  CHECK(matched(filters, "ab") == std::set{other.get()});
  filters.remove_all(*one, [&](std::string_view) { FAIL("it had none any more"); });
}

TEST_CASE("who leaves is out of the table whatever those who are told of it throw",
          "[gateway][zmtp]") {
  ZmtpFilters filters;
  const auto one = connection();
  for (const char* filter : {"a", "b", "c"}) filters.add(*one, filter);
  CHECK_THROWS_AS(filters.remove_all(*one, [](std::string_view) { throw std::bad_alloc(); }),
                  std::bad_alloc);
  for (const char* text : {"a", "b", "c"}) CHECK(matched(filters, text).empty());
}

TEST_CASE("filters match as a look at each would, whoever comes and goes", "[gateway][zmtp]") {
  const unsigned seed = GENERATE(1U, 2U, 3U);
  std::mt19937 random(seed);
  ZmtpFilters filters;
  std::vector<std::unique_ptr<ZmtpConnection>> all(8);
  for (auto& one : all) one = connection();
  std::map<ZmtpConnection*, std::multiset<std::string>> model;
  const auto text = [&] {
    std::string made(random() % 6, 'a');
    for (char& c : made) c = static_cast<char>('a' + random() % 2);
    return made;
  };
  for (int step = 0; step < 2'000; ++step) {
    ZmtpConnection& who = *all[random() % all.size()];
    const auto filter = text();
    auto& wanted = model[&who];
    if (random() % 2 == 0) {
      filters.add(who, filter);
      wanted.insert(filter);
    } else {
      const auto found = wanted.find(filter);
      REQUIRE(filters.remove(who, filter) == (found != wanted.end()));
      if (found != wanted.end()) wanted.erase(found);
    }
    const auto said = text();
    std::set<ZmtpConnection*> expected;
    for (const auto& [connection, its] : model) {
      if (std::ranges::any_of(its, [&](const auto& one) { return said.starts_with(one); })) {
        expected.insert(connection);
      }
    }
    REQUIRE(matched(filters, said) == expected);
  }
}

}  // namespace
}  // namespace backstage::transport::test
