/// BlockPool: memory for one kind of object, kept by each thread, traded between threads in chains.
///
/// A malloc and a free on different cores cost 264 ns a message; chains of 64 that move as a whole
/// cost 24 (measured; reference: the performance study of the peers).
#pragma once
#include <cstddef>
#include <new>
#include <utility>

namespace backstage {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool blocks_are_pooled = false;  // sanitizers are to see each one's own life
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool blocks_are_pooled = false;
#else
inline constexpr bool blocks_are_pooled = true;
#endif
#else
inline constexpr bool blocks_are_pooled = true;
#endif

/// What of a pool does not depend on what it is for.
struct BlockCache {
  struct Block {
    Block* next;
  };
  static constexpr std::size_t chain_length = 64;
  /// A thread at the edge does not trade with each message.
  static constexpr std::size_t count_max = 2 * chain_length;

  Block* first = nullptr;
  std::size_t count = 0;

  /// Chains that no thread has, and slabs to cut new ones from, which are kept. Never destroyed:
  /// threads may end after static destruction.
  struct Store;
  [[gnu::cold]] void* refill(Store& store, std::size_t size);
  [[gnu::cold]] void give_chain_back(Store& store);
  /// At the thread's end.
  void clear(Store& store);
  [[nodiscard]] static Store& make_store();
};

/// One thread's blocks of one size, that of T. Plain data, so that a thread comes to its own
/// without asking whether it was made.
template <class T>
class BlockPool {
 public:
  [[nodiscard]] static void* take(std::size_t size) {
    if constexpr (!blocks_are_pooled) return ::operator new(size);
    BlockCache::Block* const block = mine.first;
    if (block == nullptr) [[unlikely]]
      return refill(size);
    mine.first = block->next;
    --mine.count;
    return block;
  }
  static void give(void* memory) noexcept {
    if constexpr (!blocks_are_pooled) return ::operator delete(memory);
    mine.first = new (memory) BlockCache::Block{mine.first};
    if (++mine.count >= BlockCache::count_max) [[unlikely]]
      give_chain_back();
  }

 private:
  struct AtEnd {
    ~AtEnd() { mine.clear(store()); }
  };
  static void know_thread() {
    static thread_local const AtEnd at_end;
    (void)at_end;
  }
  static BlockCache::Store& store() {
    static BlockCache::Store& the_store = BlockCache::make_store();
    return the_store;
  }
  [[gnu::cold, gnu::noinline]] static void* refill(std::size_t size) {
    know_thread();
    return mine.refill(store(), size);
  }
  [[gnu::cold, gnu::noinline]] static void give_chain_back() {
    know_thread();
    mine.give_chain_back(store());
  }

  static inline constinit thread_local BlockCache mine{};
};

}  // namespace backstage
