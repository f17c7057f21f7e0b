// Chaos: actors and clients that do whatever the dice say, under faults, then in peace.
#pragma once
#include <memory>
#include <set>
#include <string>

#include "tests/sim/swarm.hpp"
#include "tests/sim/witness.hpp"

namespace backstage::sim {

class Chaos {
 public:
  Chaos(std::uint64_t seed, Journal& journal);
  ~Chaos();
  Chaos(const Chaos&) = delete;
  Chaos& operator=(const Chaos&) = delete;

  // Safety: verbs, failures and faults at random. Liveness: no more of them; everything settles.
  // The end: the engine stops and nothing is left. Ends early when an invariant breaks.
  void run();

 private:
  friend class Player;
  friend class Factory;
  friend class PlayerSuccession;
  void set_up();
  void play();
  void settle();
  void end();
  void step_or_wait();
  void act_from_outside();
  void resume_clients();
  void lifecycle_from_outside(ActorId id);
  void succeed_somebody();
  [[nodiscard]] bool run_until_quiet(std::uint32_t steps_max);
  void check_cell(const Cell& cell);

  // What players throw.
  [[nodiscard]] std::string any_name();
  [[nodiscard]] std::string any_topic();
  [[nodiscard]] std::string any_type();
  [[nodiscard]] Pattern any_pattern();
  [[nodiscard]] Payload any_payload(std::uint64_t number);

  Journal& journal_;
  Dice dice_;
  // Of their own, and in half of the runs only.
  Dice succession_dice_;
  bool has_successions_;
  int successions_open_ = 0;  // asked for and not settled
  Swarm swarm_;
  SimClock clock_;
  SimAlarm alarm_;
  SimFaults faults_;
  Schedule schedule_;
  Witness witness_;
  struct Client {
    Cell* cell;
    ActorId id;
  };
  std::vector<Client> clients_;
  TimePoint quiet_by_{};
  bool is_peaceful_ = false;  // players only answer
  std::unique_ptr<Engine> engine_;
};

}  // namespace backstage::sim
