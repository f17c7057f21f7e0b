// IdMap against a map of the library, and what it gives back.
#include "core/id_map.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <random>

#include "core/ids.hpp"
#include "tests/support/catch.hpp"

namespace backstage {
namespace {

RequestId id_of(std::uint64_t number) { return RequestId{number}; }

void check_same(const IdMap<RequestId, int>& map, const std::map<std::uint64_t, int>& model) {
  REQUIRE(map.size() == model.size());
  for (const auto& [id, value] : model) {
    const int* const found = map.find(id_of(id));
    REQUIRE(found != nullptr);
    REQUIRE(*found == value);
  }
  std::map<std::uint64_t, int> seen;
  map.for_each([&](RequestId id, int value) { seen[static_cast<std::uint64_t>(id)] = value; });
  REQUIRE(seen == model);
}

TEST_CASE("an IdMap has what a map has, whatever is put in and taken out", "[id_map]") {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    IdMap<RequestId, int> map;
    std::map<std::uint64_t, int> model;
    std::uint64_t last = 0;
    for (int step = 0; step < 400; ++step) {
      if (random() % 5 < 3) {
        // Ids count up, now and then by much: those of other actors' requests lie between.
        last += 1 + (random() % 8 == 0 ? random() % 1'000 : 0);
        map.emplace(id_of(last), step);
        model.emplace(last, step);
      } else if (!model.empty()) {
        const auto at = std::next(model.begin(), static_cast<long>(random() % model.size()));
        REQUIRE(map.erase(id_of(at->first)));
        REQUIRE_FALSE(map.erase(id_of(at->first)));
        model.erase(at);
      }
      REQUIRE(map.find(id_of(last + 1)) == nullptr);
    }
    check_same(map, model);
    map.erase_if([](RequestId id, int) { return static_cast<std::uint64_t>(id) % 3 == 0; });
    std::erase_if(model, [](const auto& entry) { return entry.first % 3 == 0; });
    check_same(map, model);
  }
}

TEST_CASE("ids that all have the same place are kept apart", "[id_map]") {
  IdMap<RequestId, int> map;
  // Their product with an odd number is 0 in all bits but the highest.
  for (int i = 1; i <= 7; ++i) map.emplace(id_of(static_cast<std::uint64_t>(i) << 61U), i);
  CHECK(map.erase(id_of(3ULL << 61U)));
  for (int i = 1; i <= 7; ++i) {
    const int* const found = map.find(id_of(static_cast<std::uint64_t>(i) << 61U));
    CHECK((found == nullptr) == (i == 3));
  }
}

TEST_CASE("what is erased is let go of at once", "[id_map]") {
  const auto shared = std::make_shared<int>(1);
  IdMap<RequestId, std::shared_ptr<int>> map;
  for (std::uint64_t i = 1; i <= 100; ++i) map.emplace(id_of(i), shared);
  CHECK(shared.use_count() == 101);
  for (std::uint64_t i = 1; i <= 100; ++i) CHECK(map.erase(id_of(i)));
  CHECK(shared.use_count() == 1);
  CHECK(map.empty());
}

TEST_CASE("an IdMap that was moved from is empty, and may be used again", "[id_map]") {
  IdMap<RequestId, int> map;
  map.emplace(id_of(1), 1);
  IdMap<RequestId, int> other = std::move(map);
  // NOLINTNEXTLINE(bugprone-use-after-move): what the test is about
  CHECK(map.empty());
  map.emplace(id_of(2), 2);
  CHECK(*map.find(id_of(2)) == 2);
  CHECK(*other.find(id_of(1)) == 1);
}

}  // namespace
}  // namespace backstage
