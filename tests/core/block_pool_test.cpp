// Memory for messages: given out once, traded between threads.
#include "core/block_pool.hpp"

#include <algorithm>
#include <set>
#include <thread>
#include <vector>

#include "tests/support/catch.hpp"

using namespace backstage;

namespace {

// A pool is one for each type.
template <int Number>
struct Thing {
  std::byte bytes[48];
};
template <int Number>
using Pool = BlockPool<Thing<Number>>;

template <int Number>
std::vector<void*> take(std::size_t count) {
  std::vector<void*> taken(count);
  for (void*& block : taken) block = Pool<Number>::take(sizeof(Thing<Number>));
  return taken;
}

template <int Number>
void give(const std::vector<void*>& blocks) {
  for (void* const block : blocks) Pool<Number>::give(block);
}

}  // namespace

TEST_CASE("no block is given out twice, and none overlaps another") {
  auto blocks = take<1>(10'000);
  std::sort(blocks.begin(), blocks.end());
  for (std::size_t i = 1; i < blocks.size(); ++i) {
    const auto* const before = static_cast<const std::byte*>(blocks[i - 1]);
    REQUIRE(static_cast<const std::byte*>(blocks[i]) - before >=
            static_cast<std::ptrdiff_t>(sizeof(Thing<1>)));
  }
  give<1>(blocks);
}

TEST_CASE("what one thread gives another takes, and no new memory is needed", "[threads]") {
  // A sanitizer is to see each block's own life.
  if (!blocks_are_pooled) return;
  constexpr std::size_t burst = 5000;
  std::set<void*> known;
  for (int round = 0; round < 20; ++round) {
    std::vector<void*> blocks;
    std::thread([&] { blocks = take<2>(burst); }).join();
    known.insert(blocks.begin(), blocks.end());
    std::thread([&] { give<2>(blocks); }).join();
  }
  // Threads that end leave what they hold, so that hardly more is known than was in use at once.
  CHECK(known.size() < burst + 4 * BlockCache::count_max);
}
