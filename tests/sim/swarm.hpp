// Swarm: what kind of run a seed is. Runs differ in kind, not only in order (swarm testing, Groce
// et al., ISSTA 2012): each draws its own sizes, policies, verbs and faults.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "core/actor.hpp"
#include "tests/sim/world.hpp"

namespace backstage::sim {

// What an actor of a run may do in a handler; each verb has its weight, many have none.
enum class Verb : std::uint8_t {
  nothing,
  send,
  request,
  reply,
  publish,
  subscribe,
  unsubscribe,
  monitor,
  demonitor,
  set_timer,
  cancel_timer,
  spawn,
  spawn_child,
  spawn_group,
  detach,
  stop_other,
  stop_self,
  fail,
};
inline constexpr std::size_t verb_count = static_cast<std::size_t>(Verb::fail) + 1;

struct Swarm {
  std::uint32_t steps = 0;
  std::uint32_t actors = 0;          // names a0, a1, ...
  std::uint32_t clients = 0;         // names c0, c1, ...
  std::uint32_t outside_one_in = 0;  // steps between actions from outside
  Schedule::Policy policy{};
  std::uint32_t pct_depth = 0;
  std::vector<ActorType> types;  // without factories
  bool activates_by_name = false;
  bool activates_by_topic = false;
  std::uint32_t activation_max = 0;
  Duration idle{};
  std::array<std::uint32_t, verb_count> weights{};
  std::uint32_t weight_total = 0;
  std::array<std::uint32_t, fault_site_count> fault_odds{};

  [[nodiscard]] Verb draw(Dice& dice) const;
  [[nodiscard]] bool has_fault(FaultSite site) const {
    return fault_odds[static_cast<std::size_t>(site)] != 0;
  }
};

[[nodiscard]] Swarm draw_swarm(Dice& dice);
[[nodiscard]] Supervision draw_supervision(Dice& dice);

}  // namespace backstage::sim
