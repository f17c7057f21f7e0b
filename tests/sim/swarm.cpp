#include "tests/sim/swarm.hpp"

namespace backstage::sim {
namespace {

ActorType draw_type(Dice& dice, std::uint32_t index) {
  ActorType type;
  type.name = "t" + std::to_string(index);
  type.mailbox.data_messages_max = dice.between(1, 12);
  type.mailbox.data_bytes_max = dice.between(40, 600);
  type.overflow = static_cast<Overflow>(dice.below(4));
  type.supervision = draw_supervision(dice);
  return type;
}

}  // namespace

Supervision draw_supervision(Dice& dice) {
  Supervision supervision;
  supervision.restart = static_cast<Restart>(dice.below(3));
  supervision.retries = dice.one_in(3) ? dice.between(1, 3) : 0;
  supervision.backoff_min = millis(dice.below(50));
  supervision.backoff_max = supervision.backoff_min + millis(dice.below(400));
  supervision.healthy_after = millis(dice.between(1, 2000));
  supervision.jitter_percent = dice.below(101);
  supervision.stop_deadline = millis(dice.between(1, 500));
  supervision.strategy = static_cast<Strategy>(dice.below(3));
  supervision.intensity = dice.below(5);
  supervision.period = millis(dice.between(10, 3000));
  return supervision;
}

Swarm draw_swarm(Dice& dice) {
  Swarm swarm;
  swarm.steps = dice.between(60, 260);
  swarm.actors = dice.between(2, 7);
  swarm.clients = dice.below(3);
  swarm.outside_one_in = dice.between(2, 8);
  swarm.policy = dice.one_in(3) ? Schedule::Policy::pct : Schedule::Policy::random;
  swarm.pct_depth = dice.between(2, 4);
  const std::uint32_t types = dice.between(1, 3);
  for (std::uint32_t i = 0; i < types; ++i) swarm.types.push_back(draw_type(dice, i));
  swarm.activates_by_name = dice.one_in(2);
  swarm.activates_by_topic = swarm.activates_by_name && dice.one_in(3);
  swarm.activation_max = dice.one_in(2) ? dice.between(1, 4) : 0;
  swarm.idle = dice.one_in(2) ? millis(dice.between(20, 800)) : Duration{};
  for (auto& weight : swarm.weights) {
    weight = dice.one_in(3) ? 0 : dice.between(1, 6);
    swarm.weight_total += weight;
  }
  // Something always happens.
  swarm.weights[static_cast<std::size_t>(Verb::nothing)] += 2;
  swarm.weight_total += 2;
  for (auto& odds : swarm.fault_odds) odds = dice.one_in(5) ? dice.between(3, 12) : 0;
  return swarm;
}

Verb Swarm::draw(Dice& dice) const {
  std::uint32_t left = dice.below(weight_total);
  for (std::size_t i = 0; i < verb_count; ++i) {
    if (left < weights[i]) return static_cast<Verb>(i);
    left -= weights[i];
  }
  return Verb::nothing;
}

}  // namespace backstage::sim
