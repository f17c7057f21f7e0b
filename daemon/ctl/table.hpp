/// Table: aligned columns for people; colour on a terminal only.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace backstage::ctl {

class Table final {
 public:
  explicit Table(std::vector<std::string> heads) : heads_(std::move(heads)) {}

  /// One cell for each head. Cells are made safe for a terminal.
  void add(const std::vector<std::string>& cells);
  /// Columns two blanks apart, the last one ragged. Words of states are coloured if `is_coloured`.
  [[nodiscard]] std::string text(bool is_coloured) const;

 private:
  std::vector<std::string> heads_;
  std::vector<std::vector<std::string>> rows_;
};

/// Whether stdout is a terminal that wants colour ($NO_COLOR unset).
[[nodiscard]] bool wants_colour();

}  // namespace backstage::ctl
