#include "core/hash_index.hpp"

#include <cstring>
#include <utility>

namespace backstage {
namespace {

constexpr std::uint32_t capacity_min = 16;

// Up to eight bytes as a number; `bytes` of them are there.
std::uint64_t word_at(const char* text, std::size_t bytes) noexcept {
  std::uint64_t word = 0;
  if (bytes >= 8) {
    std::memcpy(&word, text, 8);
  } else if (bytes >= 4) {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    std::memcpy(&first, text, 4);
    std::memcpy(&last, text + bytes - 4, 4);
    word = std::uint64_t{last} << 32U | first;
  } else {
    for (std::size_t i = 0; i < bytes; ++i) {
      word |= std::uint64_t{static_cast<unsigned char>(text[i])} << 8 * i;
    }
  }
  return word;
}

// The finaliser of splitmix64 (see Runtime::chance): every bit of a word reaches every bit.
constexpr std::uint64_t mixed(std::uint64_t word) noexcept {
  word = (word ^ (word >> 30U)) * 0xBF58476D1CE4E5B9U;
  word = (word ^ (word >> 27U)) * 0x94D049BB133111EBU;
  return word ^ (word >> 31U);
}

}  // namespace

std::uint64_t seed_from(std::uint64_t number) noexcept { return mixed(number); }

std::uint64_t hash_of(std::string_view text, std::uint64_t seed) noexcept {
  std::uint64_t hash = seed + text.size() * 0x9E3779B97F4A7C15U;
  for (; text.size() > 8; text.remove_prefix(8)) hash = mixed(hash ^ word_at(text.data(), 8));
  return mixed(hash ^ word_at(text.data(), text.size()));
}

void HashIndex::insert(std::uint32_t hash, std::uint32_t place) {
  // At most three quarters full: a search looks at few.
  if ((count_ + 1) * 4 > capacity() * 3) {
    resize(entries_ == nullptr ? capacity_min : capacity() * 2);
  }
  put({hash, place + 1});
  ++count_;
}

bool HashIndex::erase(std::uint32_t hash, std::uint32_t place) {
  if (count_ == 0) return false;
  std::uint32_t at = hash & mask_;
  while (entries_[at].place_and_1 != place + 1) {
    if (!entries_[at].is_used()) return false;
    at = (at + 1) & mask_;
  }
  // Those behind move up, as long as that brings them no further than where their search begins.
  for (std::uint32_t next = (at + 1) & mask_; entries_[next].is_used(); next = (next + 1) & mask_) {
    const std::uint32_t home = entries_[next].hash & mask_;
    if (((next - home) & mask_) < ((next - at) & mask_)) continue;
    entries_[at] = entries_[next];
    at = next;
  }
  entries_[at] = {};
  --count_;
  if (capacity() > capacity_min && count_ * 8 < capacity()) resize(capacity() / 2);
  return true;
}

void HashIndex::resize(std::uint32_t capacity) {
  const std::uint32_t before = this->capacity();
  const auto old = std::exchange(entries_, std::make_unique<Entry[]>(capacity));
  mask_ = capacity - 1;
  for (std::uint32_t i = 0; i < before; ++i) {
    if (old[i].is_used()) put(old[i]);
  }
}

void HashIndex::put(Entry entry) noexcept {
  std::uint32_t at = entry.hash & mask_;
  while (entries_[at].is_used()) at = (at + 1) & mask_;
  entries_[at] = entry;
}

}  // namespace backstage
