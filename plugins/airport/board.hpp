/// Departure and Board: one line of the flight feed, and the numbers one airport keeps of them.
#pragma once
#include <array>
#include <backstage/plugin.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// One departure: `2001/01/01 00:47,DTW,LAS,66,1750` is departure, origin, destination, delay in
/// minutes (negative: early), distance in miles. Views into the line.
struct Departure {
  std::string_view origin;
  std::string_view destination;
  std::int64_t delay_min = 0;

  /// Throws backstage::error (BS_E_ARG) that says which field is wrong and why.
  [[nodiscard]] static Departure decode(std::string_view line);
};

/// Count, sum, worst and the last delays of one airport; integers only, so that any other program
/// that counts the same lines gets the same numbers.
class Board {
 public:
  static constexpr std::size_t last_max = 20;

  void add(std::int64_t delay_min) noexcept;
  /// {"origin":"ATL","count":2,"sum":5,"worst":9,"last":[-4,9]}, the newest delay last; worst is
  /// null before the first departure.
  [[nodiscard]] std::string json(std::string_view origin) const;

  void save(backstage::writer& out) const;
  void load(backstage::reader& in);

 private:
  [[nodiscard]] std::size_t kept() const noexcept;

  std::uint64_t count_ = 0;
  std::int64_t sum_ = 0;
  std::int64_t worst_ = 0;
  // A ring: departure number n, from 0, is in last_[n % last_max].
  std::array<std::int64_t, last_max> last_{};
};
