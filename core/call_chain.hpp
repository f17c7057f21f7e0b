/// CallChain: who waits for whom, from the actor that asked first down to the one that asks now.
///
/// A request that is made while another one is being answered carries the chain of that one and its
/// asker. So A -> B -> A is seen where B asks, before anything is sent, without asking anybody.
#pragma once
#include <atomic>
#include <cstdint>
#include <utility>

#include "core/ids.hpp"

namespace backstage {

/// A shared, immutable list. Copying costs one count; the empty chain (a first request) nothing.
class CallChain {
 public:
  /// Longest chain of requests: deeper ones are refused like circles.
  static constexpr std::uint32_t depth_max = 64;

  CallChain() noexcept = default;
  /// `before` and one more that waits.
  CallChain(CallChain before, ActorId asker);
  CallChain(const CallChain& other) noexcept;
  CallChain(CallChain&& other) noexcept : link_(std::exchange(other.link_, nullptr)) {}
  CallChain& operator=(CallChain other) noexcept {
    std::swap(link_, other.link_);
    return *this;
  }
  ~CallChain() {
    if (link_ != nullptr) drop();
  }

  [[nodiscard]] std::uint32_t depth() const noexcept;
  [[nodiscard]] bool has(ActorId asker) const noexcept;

 private:
  struct Link;
  [[gnu::cold]] void drop() noexcept;
  Link* link_ = nullptr;
};

struct CallChain::Link {
  std::atomic<std::uint32_t> count;
  std::uint32_t depth;
  ActorId asker;
  CallChain before;
};

inline CallChain::CallChain(CallChain before, ActorId asker)
    : link_(new Link{1, before.depth() + 1, asker, std::move(before)}) {}

inline CallChain::CallChain(const CallChain& other) noexcept : link_(other.link_) {
  if (link_ != nullptr) link_->count.fetch_add(1, std::memory_order_relaxed);
}

inline std::uint32_t CallChain::depth() const noexcept {
  return link_ == nullptr ? 0 : link_->depth;
}

inline bool CallChain::has(ActorId asker) const noexcept {
  for (const Link* link = link_; link != nullptr; link = link->before.link_) {
    if (link->asker == asker) return true;
  }
  return false;
}

// Not deeper than depth_max, so that freeing a chain link by link needs little stack.
inline void CallChain::drop() noexcept {
  // The last owner frees; acq_rel pairs with the other owners' own decrements.
  if (link_->count.fetch_sub(1, std::memory_order_acq_rel) == 1) delete link_;
}

}  // namespace backstage
