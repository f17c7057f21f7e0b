// Dice: the simulator's only chance. Same seed, same throws, whatever the compiler and library.
#pragma once
#include <cstdint>

namespace backstage::sim {

// splitmix64 (Steele, Lea, Flood 2014): good enough to explore with, and one line of state.
class Dice {
 public:
  // Neighbouring seeds must not begin on neighbouring places of one sequence: hence the mixing.
  explicit Dice(std::uint64_t seed) noexcept : state_(seed) { state_ = next() ^ (seed << 32U); }
  std::uint64_t next() noexcept {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }
  // 0..sides-1. `sides` is small, so the bias of the remainder does not matter.
  std::uint32_t below(std::uint32_t sides) noexcept {
    return static_cast<std::uint32_t>(next() % sides);
  }
  std::uint32_t between(std::uint32_t low, std::uint32_t high) noexcept {
    return low + below(high - low + 1);
  }
  bool one_in(std::uint32_t times) noexcept { return below(times) == 0; }

 private:
  std::uint64_t state_;
};

}  // namespace backstage::sim
