/// HashIndex: where something stands, found by its hash. The thing itself is kept elsewhere, in a
/// row of its own: eight bytes each here.
///
/// Open addressing. Pure: no lock.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace backstage {

/// Any number, as a seed for hash_of: who does not know it cannot choose texts that meet.
[[nodiscard]] std::uint64_t seed_from(std::uint64_t number) noexcept;
/// Depends on nothing but the bytes and the seed.
[[nodiscard]] std::uint64_t hash_of(std::string_view text, std::uint64_t seed) noexcept;

class HashIndex {
 public:
  /// The place under that hash of which `is_it` says that it is the one. Nothing: there is none.
  template <class IsIt>
  [[nodiscard]] std::optional<std::uint32_t> find(std::uint32_t hash, IsIt is_it) const {
    if (count_ == 0) return std::nullopt;
    for (std::uint32_t at = hash & mask_; entries_[at].is_used(); at = (at + 1) & mask_) {
      if (entries_[at].hash == hash && is_it(entries_[at].place())) return entries_[at].place();
    }
    return std::nullopt;
  }
  /// One that is not there yet.
  void insert(std::uint32_t hash, std::uint32_t place);
  /// False: it is not there.
  bool erase(std::uint32_t hash, std::uint32_t place);

  void clear() noexcept {
    entries_.reset();
    mask_ = count_ = 0;
  }
  [[nodiscard]] std::uint32_t size() const noexcept { return count_; }
  /// Entries there is memory for.
  [[nodiscard]] std::uint32_t capacity() const noexcept {
    return entries_ == nullptr ? 0 : mask_ + 1;
  }

 private:
  struct Entry {
    std::uint32_t hash = 0;
    std::uint32_t place_and_1 = 0;  // 0: free
    [[nodiscard]] bool is_used() const noexcept { return place_and_1 != 0; }
    [[nodiscard]] std::uint32_t place() const noexcept { return place_and_1 - 1; }
  };
  void resize(std::uint32_t capacity);
  void put(Entry entry) noexcept;

  std::unique_ptr<Entry[]> entries_;
  std::uint32_t mask_ = 0;  // the capacity, a power of two, less one
  std::uint32_t count_ = 0;
};

}  // namespace backstage
