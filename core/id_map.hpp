/// IdMap: what is kept under ids that count up and are soon over, as of requests under way.
///
/// Open addressing, half full at most, ids in a row spread out (Knuth, 6.4, multiplicative hashing
/// by the golden ratio): one that is taken out has few behind it to move up. No allocation once it
/// is as large as it gets; one that was never used takes a pointer and two numbers.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace backstage {

/// `Id` is an enumeration over 64 bits of which 0 is none. `Value` is made without arguments. One
/// thread at a time.
template <class Id, class Value>
class IdMap {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// Null: there is none. Valid until the next call that is not const.
  [[nodiscard]] Value* find(Id id) const noexcept {
    Slot* const slot = size_ == 0 ? nullptr : slot_of(id);
    return slot == nullptr || slot->id != id ? nullptr : &slot->value;
  }
  /// `id` is none that is there. Throws std::bad_alloc, which changes nothing.
  void emplace(Id id, Value value) {
    if ((size_ + 1) * 2 > capacity_) grow();
    Slot* const slot = slot_of(id);
    slot->id = id;
    slot->value = std::move(value);
    ++size_;
  }
  /// False: there is none.
  bool erase(Id id) noexcept {
    if (find(id) == nullptr) return false;
    close_gap(static_cast<std::size_t>(slot_of(id) - slots_.get()));
    if (--size_ == 0 && capacity_ > capacity_kept_max) clear();
    return true;
  }
  /// `is_over` of an id and its value; it may take the value.
  void erase_if(const auto& is_over) {
    IdMap left;
    for_each([&](Id id, Value& value) {
      if (!is_over(id, value)) left.emplace(id, std::move(value));
    });
    *this = std::move(left);
  }
  /// In no order. Nothing is to be put in or taken out meanwhile.
  void for_each(const auto& use) const {
    for (std::size_t i = 0; i < capacity_; ++i) {
      if (slots_[i].id != Id{}) use(slots_[i].id, slots_[i].value);
    }
  }
  void clear() noexcept { *this = IdMap(); }

  IdMap() noexcept = default;
  IdMap(IdMap&& other) noexcept
      : slots_(std::move(other.slots_)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  IdMap& operator=(IdMap&& other) noexcept {
    slots_ = std::move(other.slots_);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
  }
  IdMap(const IdMap&) = delete;
  IdMap& operator=(const IdMap&) = delete;
  ~IdMap() = default;

 private:
  struct Slot {
    Id id{};
    Value value{};
  };
  static constexpr std::uint32_t capacity_first = 16;
  // An empty one that had more gives its memory back.
  static constexpr std::uint32_t capacity_kept_max = 256;

  [[nodiscard]] std::size_t place_of(Id id) const noexcept {
    // The high bits are the mixed ones.
    return (static_cast<std::uint64_t>(id) * 0x9E3779B97F4A7C15U >> 32U) & (capacity_ - 1);
  }
  // Where it is, or would be. There is always a free one.
  [[nodiscard]] Slot* slot_of(Id id) const noexcept {
    std::size_t at = place_of(id);
    while (slots_[at].id != Id{} && slots_[at].id != id) at = (at + 1) & (capacity_ - 1);
    return &slots_[at];
  }
  // What stands behind a free slot because it was taken moves up (Knuth, 6.4, algorithm R).
  void close_gap(std::size_t gap) noexcept {
    const std::size_t mask = capacity_ - 1;
    for (std::size_t at = (gap + 1) & mask; slots_[at].id != Id{}; at = (at + 1) & mask) {
      const std::size_t wanted = place_of(slots_[at].id);
      if (((at - wanted) & mask) < ((at - gap) & mask)) continue;
      slots_[gap] = std::move(slots_[at]);
      gap = at;
    }
    slots_[gap] = Slot{};
  }
  void grow() {
    const std::uint32_t more = capacity_ == 0 ? capacity_first : 2 * capacity_;
    IdMap larger;
    larger.slots_ = std::make_unique<Slot[]>(more);
    larger.capacity_ = more;
    for_each([&](Id id, Value& value) { larger.emplace(id, std::move(value)); });
    *this = std::move(larger);
  }

  std::unique_ptr<Slot[]> slots_;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;  // a power of two, or 0
};

}  // namespace backstage
