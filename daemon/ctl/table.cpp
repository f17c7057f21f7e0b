#include "daemon/ctl/table.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "daemon/text/escape.hpp"

namespace backstage::ctl {
namespace {

constexpr std::string_view green = "32", yellow = "33", red = "31";

constexpr std::array<std::pair<std::string_view, std::string_view>, 10> colours{
    {{"active", green},
     {"running", green},
     {"retired", yellow},
     {"pinned", yellow},
     {"probation", yellow},
     {"upgrading", yellow},
     {"draining", yellow},
     {"backing_off", yellow},
     {"parked", red},
     {"rejected", red}}};

std::string_view colour_of(std::string_view word) {
  for (const auto& [known, colour] : colours) {
    if (known == word) return colour;
  }
  return {};
}

// Columns on a terminal: continuation bytes of UTF-8 take none.
std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }));
}

}  // namespace

void Table::add(const std::vector<std::string>& cells) {
  auto& row = rows_.emplace_back();
  for (const auto& cell : cells) row.push_back(cell.empty() ? "-" : text::printable(cell));
  row.resize(heads_.size());
}

std::string Table::text(bool is_coloured) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < heads_.size(); ++i) {
    widths.push_back(columns(heads_[i]));
    for (const auto& row : rows_) widths[i] = std::max(widths[i], columns(row[i]));
  }
  std::string text;
  const auto write = [&](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const auto colour = is_coloured ? colour_of(cells[i]) : std::string_view{};
      text += colour.empty() ? cells[i] : fmt::format("\x1b[{}m{}\x1b[0m", colour, cells[i]);
      if (i + 1 < cells.size()) text.append(widths[i] - columns(cells[i]) + 2, ' ');
    }
    text += '\n';
  };
  write(heads_);
  for (const auto& row : rows_) write(row);
  return text;
}

bool wants_colour() {
  const char* no_colour = std::getenv("NO_COLOR");
  return (no_colour == nullptr || *no_colour == '\0') && ::isatty(STDOUT_FILENO) == 1;
}

}  // namespace backstage::ctl
