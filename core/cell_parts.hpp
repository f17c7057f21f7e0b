/// The parts of a cell that few of them have: made on first use, known to the cell's sources only.
#pragma once
#include <vector>

#include "core/cell.hpp"

namespace backstage {

/// Made by a rule: what it counts against, and when it is passivated.
struct Cell::Activated {
  std::size_t rule;
  Duration idle{};
  std::uint64_t handled_at_idle_check = 0;
};

/// Guarded by watch_mutex_.
struct Cell::Watch {
  std::vector<ActorId> watchers;
  std::vector<ChildEvent> events;
  std::optional<Trouble> trouble;
};

}  // namespace backstage
