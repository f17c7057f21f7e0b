// Trees: a supervised tree in the engine, and beside it the model that says what it must become.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/engine.hpp"
#include "tests/sim/model.hpp"
#include "tests/sim/world.hpp"

namespace backstage::sim {

class Trees {
 public:
  Trees(std::uint64_t seed, Journal& journal);
  ~Trees();
  Trees(const Trees&) = delete;
  Trees& operator=(const Trees&) = delete;
  // Things happen one at a time; after each the engine comes to rest in a random order of turns,
  // and what has become of every actor is compared with the model.
  void run();

 private:
  friend class TreeActor;
  friend class TreeFactory;
  void declare();
  std::string declare_one(const std::string& parent, std::uint32_t depth);
  void start();
  void happen();
  void come_back();
  void come_to_rest();
  void compare(const std::string& after);
  void wrong(const std::string& after, const std::string& name, std::string_view what);
  [[nodiscard]] std::string any_up();
  [[nodiscard]] bool may_fail_births(const std::string& name) const;
  void tell(const std::string& name, std::string_view what);

  Journal& journal_;
  Dice dice_;
  Model model_;
  SimClock clock_;
  SimAlarm alarm_;
  NoFaults faults_;
  Schedule schedule_;
  std::unique_ptr<Observer> observer_;
  std::vector<std::string> names_;
  std::map<std::string, std::uint32_t> bad_births_;
  std::vector<std::string> ends_;
  std::map<std::string, int> births_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace backstage::sim
