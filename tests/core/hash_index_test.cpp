// The index of names against a plain map, with hashes that collide.
#include "core/hash_index.hpp"

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"

using namespace backstage;

namespace {

// Names by slot, as the cells hold them, and what a table should say of them.
class Pair {
 public:
  // Hashes keep only these bits, so that many names meet.
  Pair(std::uint64_t seed, std::uint32_t hash_bits) : dice_(seed), hash_bits_(hash_bits) {}

  void live(int steps, std::uint64_t names) {
    for (int step = 0; step < steps; ++step) {
      const std::string name = "n" + std::to_string(dice_() % names);
      const auto held = slots_.find(name);
      const auto found = find(name);
      REQUIRE(found.has_value() == (held != slots_.end()));
      if (found) {
        REQUIRE(*found == held->second);
        if (dice_() % 2 == 0) erase(name);
      } else {
        insert(name);
      }
      REQUIRE(table_.size() == slots_.size());
    }
    while (!slots_.empty()) erase(slots_.begin()->first);
    REQUIRE(table_.capacity() <= 16);
  }

 private:
  [[nodiscard]] std::uint32_t hash(const std::string& name) const {
    return static_cast<std::uint32_t>(hash_of(name, seed_from(7))) & hash_bits_;
  }
  [[nodiscard]] std::optional<std::uint32_t> find(const std::string& name) const {
    return table_.find(hash(name), [&](std::uint32_t slot) { return names_.at(slot) == name; });
  }
  void insert(const std::string& name) {
    const auto slot = static_cast<std::uint32_t>(names_.size());
    names_.push_back(name);
    slots_.emplace(name, slot);
    table_.insert(hash(name), slot);
  }
  void erase(const std::string& name) {
    const auto held = slots_.find(name);
    REQUIRE(table_.erase(hash(name), held->second));
    REQUIRE_FALSE(table_.erase(hash(name), held->second));
    REQUIRE_FALSE(find(name));
    slots_.erase(held);
  }

  std::mt19937_64 dice_;
  std::uint32_t hash_bits_;
  HashIndex table_;
  std::vector<std::string> names_;
  std::map<std::string, std::uint32_t> slots_;
};

}  // namespace

TEST_CASE("names are found, forgotten and found again, however their hashes meet", "[core]") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Pair(seed, 0xFFFF'FFFF).live(2'000, 300);
    Pair(seed, 0xF).live(1'000, 50);
    Pair(seed, 0).live(200, 12);
  }
}

TEST_CASE("a table that had many names gives their memory back", "[core]") {
  HashIndex table;
  constexpr std::uint32_t many = 100'000;
  const auto hash = [](std::uint32_t slot) {
    return static_cast<std::uint32_t>(hash_of(std::to_string(slot), seed_from(1)));
  };
  for (std::uint32_t slot = 0; slot < many; ++slot) table.insert(hash(slot), slot);
  CHECK(table.size() == many);
  CHECK(table.capacity() < 3 * many);
  for (std::uint32_t slot = 0; slot < many; ++slot) REQUIRE(table.erase(hash(slot), slot));
  CHECK(table.size() == 0);
  CHECK(table.capacity() <= 16);
}

TEST_CASE("the hash of a name depends on each of its bytes, its length and the seed", "[core]") {
  std::set<std::uint64_t> seen;
  std::size_t count = 0;
  std::string name;
  for (std::size_t size = 0; size <= 64; ++size) {
    name.assign(size, 'a');
    seen.insert(hash_of(name, seed_from(1)));
    seen.insert(hash_of(name, seed_from(2)));
    count += 2;
    for (std::size_t at = 0; at < size; ++at, ++count) {
      name[at] = 'b';
      seen.insert(hash_of(name, seed_from(1)));
      name[at] = 'a';
    }
  }
  CHECK(seen.size() == count);
}
