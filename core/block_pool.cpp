#include "core/block_pool.hpp"

#include <mutex>
#include <vector>

namespace backstage {

struct BlockCache::Store {
  std::mutex mutex;
  std::vector<Block*> chains;
};

BlockCache::Store& BlockCache::make_store() { return *new Store; }

void* BlockCache::refill(Store& store, std::size_t size) {
  if (spare == nullptr) {
    const std::lock_guard lock(store.mutex);
    if (store.chains.empty()) return ::operator new(size);
    spare = store.chains.back();
    store.chains.pop_back();
  }
  Block* const block = std::exchange(spare, nullptr);
  first = block->next;
  count = chain_length - 1;
  return block;
}

void BlockCache::give_chain_back(Store& store) {
  if (spare != nullptr) {
    const std::lock_guard lock(store.mutex);
    store.chains.push_back(spare);
  }
  spare = std::exchange(first, nullptr);
  count = 0;
}

void BlockCache::clear() noexcept {
  for (Block** list : {&first, &spare}) {
    while (*list != nullptr) ::operator delete(std::exchange(*list, (*list)->next));
  }
  count = 0;
}

}  // namespace backstage
