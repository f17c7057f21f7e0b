/// NameRef: a shared, immutable name. Envelopes carry their sender's, which may outlive the sender.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <new>
#include <string_view>
#include <utility>

namespace backstage {

class NameRef {
 public:
  NameRef() noexcept = default;
  explicit NameRef(std::string_view text) {
    void* block = ::operator new(sizeof(Block) + text.size());
    block_ = new (block) Block{1, static_cast<std::uint32_t>(text.size())};
    text.copy(block_->text(), text.size());
  }
  NameRef(const NameRef& other) noexcept : block_(other.block_) {
    if (block_ != nullptr) block_->count.fetch_add(1, std::memory_order_relaxed);
  }
  NameRef(NameRef&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  NameRef& operator=(NameRef other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~NameRef() {
    // The last owner frees; acq_rel pairs with the other owners' own decrements.
    if (block_ != nullptr && block_->count.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      block_->~Block();
      ::operator delete(block_);
    }
  }

  [[nodiscard]] std::string_view text() const noexcept {
    return block_ == nullptr ? std::string_view{} : std::string_view{block_->text(), block_->size};
  }

 private:
  struct Block {
    std::atomic<std::uint32_t> count;
    std::uint32_t size;
    char* text() noexcept { return reinterpret_cast<char*>(this + 1); }
  };
  Block* block_ = nullptr;
};

/// For containers keyed by NameRef that are looked up by text.
struct NameHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
  std::size_t operator()(const NameRef& name) const noexcept { return (*this)(name.text()); }
};
struct NameEqual {
  using is_transparent = void;
  static std::string_view text(std::string_view text) noexcept { return text; }
  static std::string_view text(const NameRef& name) noexcept { return name.text(); }
  bool operator()(const auto& a, const auto& b) const noexcept { return text(a) == text(b); }
};

}  // namespace backstage
