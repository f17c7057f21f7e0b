/// NameRef: an immutable name that outlives whoever has it. Envelopes carry their sender's.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <new>
#include <string_view>
#include <utility>

namespace backstage {

/// Short names live in the object itself: copying one touches no shared count, which two locked
/// instructions a message would cost. Longer ones are shared. Safe to copy and destroy from any
/// thread (one object: one thread at a time).
class NameRef {
 public:
  static constexpr std::size_t inline_bytes_max = 15;

  NameRef() noexcept = default;
  explicit NameRef(std::string_view text) {
    if (text.empty()) return;
    if (text.size() <= inline_bytes_max) {
      text.copy(bytes_.data(), text.size());
      bytes_[tag_at] = static_cast<char>(text.size());
    } else {
      share(text);
    }
  }
  NameRef(const NameRef& other) noexcept : bytes_(other.bytes_) {
    if (is_shared()) [[unlikely]]
      block()->count.fetch_add(1, std::memory_order_relaxed);
  }
  NameRef(NameRef&& other) noexcept : bytes_(other.bytes_) { other.bytes_ = {}; }
  NameRef& operator=(const NameRef& other) noexcept {
    NameRef copy(other);
    return *this = std::move(copy);
  }
  NameRef& operator=(NameRef&& other) noexcept {
    const Bytes mine = bytes_;
    bytes_ = other.bytes_;
    other.bytes_ = mine;
    return *this;
  }
  ~NameRef() {
    if (is_shared()) [[unlikely]]
      release();
  }

  [[nodiscard]] std::string_view text() const noexcept {
    if (is_shared()) [[unlikely]]
      return {block()->text(), block()->size};
    return {bytes_.data(), static_cast<std::size_t>(bytes_[tag_at])};
  }
  [[nodiscard]] bool empty() const noexcept { return bytes_[tag_at] == 0; }
  // NOLINTNEXTLINE(google-explicit-constructor,hicpp-explicit-conversions): it is a text
  operator std::string_view() const noexcept { return text(); }
  friend bool operator==(const NameRef& name, std::string_view text) noexcept {
    return name.text() == text;
  }

 private:
  struct Block {
    std::atomic<std::uint32_t> count;
    std::uint32_t size;
    char* text() noexcept { return reinterpret_cast<char*>(this + 1); }
  };
  static constexpr std::size_t tag_at = inline_bytes_max;
  static constexpr char shared_tag = -1;

  [[nodiscard]] bool is_shared() const noexcept { return bytes_[tag_at] == shared_tag; }
  [[nodiscard]] Block* block() const noexcept {
    std::uintptr_t address = 0;
    std::memcpy(&address, bytes_.data(), sizeof address);
    // NOLINTNEXTLINE(performance-no-int-to-ptr): what share() made of it
    return reinterpret_cast<Block*>(address);
  }
  void share(std::string_view text) {
    void* memory = ::operator new(sizeof(Block) + text.size());
    auto* block = new (memory) Block{1, static_cast<std::uint32_t>(text.size())};
    text.copy(block->text(), text.size());
    const auto address = reinterpret_cast<std::uintptr_t>(block);
    std::memcpy(bytes_.data(), &address, sizeof address);
    bytes_[tag_at] = shared_tag;
  }
  void release() noexcept {
    Block* const shared = block();
    // The last owner frees; acq_rel pairs with the other owners' own decrements.
    if (shared->count.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    shared->~Block();
    ::operator delete(shared);
  }

  // The text and, in the last byte, its length; or a Block's address and shared_tag.
  using Bytes = std::array<char, inline_bytes_max + 1>;
  alignas(std::uint64_t) Bytes bytes_{};
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
