#include "core/block_pool.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <mutex>
#include <vector>

namespace backstage {

namespace {

// What the processor finds by one entry of its address cache, where the system grants it. With
// small pages nearly every message of a long queue waits for its address.
constexpr std::size_t huge_page = std::size_t{2} << 20U;
constexpr std::size_t slab_min = std::size_t{64} << 10U;

}  // namespace

struct BlockCache::Store {
  std::mutex mutex;
  // Guarded by mutex
  std::vector<Block*> chains;  // of chain_length each
  Block* odd = nullptr;        // what threads left at their end, less than a chain of it
  std::size_t odd_count = 0;
  std::byte* rest = nullptr;  // of the last slab
  std::size_t rest_bytes = 0;
  std::size_t next_bytes = slab_min;

  void grow(std::size_t bytes_min);
  [[nodiscard]] Block* cut_chain(std::size_t size);
};

BlockCache::Store& BlockCache::make_store() { return *new Store; }

// Slabs double, so that a small engine stays small and a large one gets large pages.
void BlockCache::Store::grow(std::size_t bytes_min) {
  const std::size_t bytes = std::max(next_bytes, (bytes_min + slab_min - 1) / slab_min * slab_min);
  rest = static_cast<std::byte*>(
      ::operator new(bytes, std::align_val_t{std::min(std::bit_floor(bytes), huge_page)}));
  rest_bytes = bytes;
  // A wish: what it says of pages is all the same to us.
  if (bytes >= huge_page) (void)::madvise(rest, bytes, MADV_HUGEPAGE);
  next_bytes = std::min(bytes * 2, huge_page);
}

BlockCache::Block* BlockCache::Store::cut_chain(std::size_t size) {
  if (rest_bytes < size * chain_length) grow(size * chain_length);
  Block* chain = nullptr;
  for (std::size_t i = chain_length; i-- > 0;) chain = new (rest + i * size) Block{chain};
  rest += size * chain_length;
  rest_bytes -= size * chain_length;
  return chain;
}

void* BlockCache::refill(Store& store, std::size_t size) {
  const std::lock_guard lock(store.mutex);
  Block* block = nullptr;
  if (store.chains.empty()) {
    block = store.cut_chain(size);
  } else {
    block = store.chains.back();
    store.chains.pop_back();
  }
  first = block->next;
  count = chain_length - 1;
  return block;
}

// The older half: what was given last is still in the cache.
void BlockCache::give_chain_back(Store& store) {
  Block* last_kept = first;
  for (std::size_t kept = 1; kept < count - chain_length; ++kept) last_kept = last_kept->next;
  const std::lock_guard lock(store.mutex);
  store.chains.push_back(last_kept->next);
  last_kept->next = nullptr;
  count -= chain_length;
}

void BlockCache::clear(Store& store) {
  const std::lock_guard lock(store.mutex);
  for (count = 0; first != nullptr;) {
    Block* const block = std::exchange(first, first->next);
    block->next = std::exchange(store.odd, block);
    if (++store.odd_count < chain_length) continue;
    store.chains.push_back(std::exchange(store.odd, nullptr));
    store.odd_count = 0;
  }
}

}  // namespace backstage
