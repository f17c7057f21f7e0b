// Model: what OTP's supervisor says must follow, with plain maps and no concurrency.
//
// A declared tree of actors; each actor makes its children when it is made. One thing happens at a
// time, and the model says at once what everything has become. The engine gets there through many
// turns in a random order, and must get there too.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "core/supervision.hpp"

namespace backstage::sim {

class Model {
 public:
  struct Node {
    std::string parent;  // empty: at the root
    Supervision supervision;
    std::vector<std::string> declared;  // the children each self of it makes, in this order
  };

  void declare(const std::string& name, Node node) { tree_[name] = std::move(node); }
  void start(const std::string& name);  // a root

  // --- What happens, at `now`.
  void fail(const std::string& name, TimePoint now);
  void stop(const std::string& name);
  void stop_self(const std::string& name, TimePoint now);
  void detach(const std::string& name);
  void unpark(const std::string& name);
  // The next `times` creations of this life's selves fail.
  void fail_creation(const std::string& name, std::uint32_t times) { bad_births_[name] = times; }

  // --- What has become.
  [[nodiscard]] bool is_up(const std::string& name) const { return state_of(name) == State::up; }
  [[nodiscard]] bool is_parked(const std::string& name) const {
    return state_of(name) == State::parked;
  }
  [[nodiscard]] std::string parent_of(const std::string& name) const {
    return lives_.at(name).parent;
  }
  [[nodiscard]] bool is_child(const std::string& name) const { return !parent_of(name).empty(); }
  // Selves given up since the last call, in order.
  [[nodiscard]] std::vector<std::string> take_ends();
  // Selves made since the last call; order between independent ones is open.
  [[nodiscard]] std::map<std::string, int> take_births();
  [[nodiscard]] const std::map<std::string, Node>& tree() const { return tree_; }

 private:
  enum class State : std::uint8_t { gone, up, down, parked };
  struct Life {
    State state = State::gone;
    std::string parent;                 // now: empty when detached
    std::vector<std::string> children;  // living, in start order
    std::deque<TimePoint> restarts;     // of its children
    std::deque<TimePoint> own;          // of itself, at the root
  };
  [[nodiscard]] State state_of(const std::string& name) const;
  void give_up_self(const std::string& name);
  void stop_children(const std::string& name);
  void end(const std::string& name);
  void be_born(const std::string& name, TimePoint now);
  void decide(const std::string& name, TimePoint now);
  void restart_group(const std::string& parent, const std::string& failed, TimePoint now);
  [[nodiscard]] static bool within_budget(std::deque<TimePoint>& times, const Supervision& policy,
                                          TimePoint now);

  std::map<std::string, Node> tree_;
  std::map<std::string, Life> lives_;
  std::map<std::string, std::uint32_t> bad_births_;
  std::vector<std::string> ends_;
  std::map<std::string, int> births_;
};

}  // namespace backstage::sim
