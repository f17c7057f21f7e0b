// Optimal string alignment distance over short words.
#include "daemon/text/suggest.hpp"

#include <algorithm>
#include <array>

namespace backstage::text {
namespace {

constexpr std::size_t word_bytes_max = 64;

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

unsigned replace_cost(char a, char b) noexcept { return lower(a) == lower(b) ? 0 : 1; }

unsigned distance(std::string_view a, std::string_view b) noexcept {
  std::array<std::array<unsigned, word_bytes_max + 1>, 3> rows{};
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = static_cast<unsigned>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i + 2) % 3];
    const auto& above_two = rows[(i + 1) % 3];
    row[0] = static_cast<unsigned>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] =
          std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + replace_cost(a[i - 1], b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], above_two[j - 2] + 1);
      }
    }
  }
  return rows[a.size() % 3][b.size()];
}

}  // namespace

std::string_view nearest(std::string_view word, std::span<const std::string_view> known) noexcept {
  if (word.size() > word_bytes_max) return {};
  const auto near_enough = static_cast<unsigned>(std::clamp<std::size_t>(word.size() / 3, 1, 3));
  unsigned best = near_enough + 1;
  std::string_view found;
  for (const std::string_view candidate : known) {
    if (candidate.size() > word_bytes_max) continue;
    const unsigned cost = distance(word, candidate);
    if (cost < best) {
      best = cost;
      found = candidate;
    }
  }
  return found;
}

}  // namespace backstage::text
