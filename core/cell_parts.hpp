/// The parts of a cell that few of them have: made on first use, known to the cell's sources only.
#pragma once
#include <vector>

#include "core/cell.hpp"

namespace backstage {

/// [actor]
struct Cell::Uncommon {
  std::string config;
  ActorId tell_started;    ///< who wants Kind::started
  ActorId stopping_child;  ///< whose end it waits for
  TimerKey life_timer{};   ///< the back-off or the idle check that is due next
  Troubles troubles;
  // Made by a rule: what it counts against, and when it is passivated
  std::size_t rule = CellOptions::no_rule;
  Duration idle{};
  std::uint64_t handled_at_idle_check = 0;
};

/// Guarded by lock_.
struct Cell::Watch {
  std::optional<Expected> expected;
  std::vector<ActorId> watchers;
  std::vector<ActorId> by_name;  // those who watch whoever holds its name
  std::vector<ChildEvent> events;
  std::optional<Trouble> trouble;
};

}  // namespace backstage
