#include "core/envelope.hpp"

#include <array>
#include <mutex>
#include <new>
#include <vector>

namespace backstage {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool is_pooled = false;  // so that the sanitizers see each envelope's own life
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool is_pooled = false;
#else
constexpr bool is_pooled = true;
#endif
#else
constexpr bool is_pooled = true;
#endif

// Chains of this many blocks move between a thread's cache and the shared store: a malloc and free
// on different cores cost 264 ns a message, chains of 64 cost 24.
constexpr std::size_t chain_length = 64;

struct Block {
  Block* next;
};

// Whole chains, shared by all threads. Never destroyed: threads may end after static destruction.
struct Store {
  std::mutex mutex;
  std::vector<Block*> chains;
};
Store& store() {
  static auto* const the_store = new Store;
  return *the_store;
}

struct Cache {
  Block* first = nullptr;
  std::size_t count = 0;
  Block* spare = nullptr;  // one full chain, so that a thread at the edge does not trade each time

  ~Cache() {
    for (Block* list : {first, spare}) {
      while (list != nullptr) ::operator delete(std::exchange(list, list->next));
    }
  }
};
thread_local Cache cache;

Block* refill() {
  if (cache.spare != nullptr) {
    cache.first = std::exchange(cache.spare, nullptr);
    cache.count = chain_length;
    return cache.first;
  }
  auto& shared = store();
  const std::lock_guard lock(shared.mutex);
  if (shared.chains.empty()) return nullptr;
  cache.first = shared.chains.back();
  shared.chains.pop_back();
  cache.count = chain_length;
  return cache.first;
}

void give_chain_back() {
  if (cache.spare != nullptr) {
    auto& shared = store();
    const std::lock_guard lock(shared.mutex);
    shared.chains.push_back(cache.spare);
  }
  cache.spare = std::exchange(cache.first, nullptr);
  cache.count = 0;
}

}  // namespace

void* Envelope::operator new(std::size_t size) {
  if constexpr (!is_pooled) return ::operator new(size);
  if (cache.first == nullptr && refill() == nullptr) return ::operator new(size);
  Block* block = cache.first;
  cache.first = block->next;
  --cache.count;
  return block;
}

void Envelope::operator delete(void* memory) noexcept {
  if constexpr (!is_pooled) return ::operator delete(memory);
  cache.first = new (memory) Block{cache.first};
  if (++cache.count == chain_length) give_chain_back();
}

std::string_view name_of(Kind kind) noexcept {
  constexpr std::array<std::string_view, 10> names{"send",  "publish", "request",  "reply",
                                                   "timer", "down",    "interest", "started",
                                                   "gap",   "barrier"};
  return names[static_cast<std::size_t>(kind)];
}

std::string_view name_of(Overflow overflow) noexcept {
  constexpr std::array<std::string_view, 5> names{"reject", "drop_newest", "drop_oldest",
                                                  "conflate", "kick"};
  return names[static_cast<std::size_t>(overflow)];
}

}  // namespace backstage
