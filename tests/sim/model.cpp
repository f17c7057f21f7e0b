#include "tests/sim/model.hpp"

#include <algorithm>
#include <utility>

namespace backstage::sim {

Model::State Model::state_of(const std::string& name) const {
  const auto found = lives_.find(name);
  return found == lives_.end() ? State::gone : found->second.state;
}

std::vector<std::string> Model::take_ends() { return std::exchange(ends_, {}); }
std::map<std::string, int> Model::take_births() { return std::exchange(births_, {}); }

void Model::start(const std::string& name) {
  lives_[name] = Life{};
  be_born(name, TimePoint{});
}

// The self goes; the children go with it, the youngest first, each after its own.
void Model::give_up_self(const std::string& name) {
  Life& life = lives_[name];
  if (life.state == State::up) ends_.push_back(name);
  life.state = State::down;
  life.restarts.clear();
  stop_children(name);
}

void Model::stop_children(const std::string& name) {
  while (!lives_[name].children.empty()) {
    const std::string youngest = lives_[name].children.back();
    // Asked to stop, an actor first waits for its children; its own self goes last.
    stop_children(youngest);
    end(youngest);
  }
}

void Model::end(const std::string& name) {
  Life& life = lives_[name];
  if (life.state == State::up) ends_.push_back(name);
  if (!life.parent.empty()) std::erase(lives_[life.parent].children, name);
  lives_.erase(name);
}

void Model::stop(const std::string& name) {
  if (state_of(name) == State::gone) return;
  stop_children(name);
  end(name);
}

void Model::be_born(const std::string& name, TimePoint now) {
  if (auto& bad = bad_births_[name]; bad > 0) {
    --bad;
    lives_[name].state = State::down;
    return decide(name, now);
  }
  ++births_[name];
  lives_[name].state = State::up;
  for (const auto& child : tree_[name].declared) {
    if (state_of(child) != State::gone) continue;  // detached before: it lives on
    lives_[child] = Life{};
    lives_[child].parent = name;
    bad_births_[child] = 0;
    lives_[name].children.push_back(child);
  }
  const auto children = lives_[name].children;
  for (const auto& child : children) {
    if (state_of(child) == State::gone && lives_.contains(child)) be_born(child, now);
  }
}

void Model::fail(const std::string& name, TimePoint now) {
  if (state_of(name) != State::up) return;
  give_up_self(name);
  decide(name, now);
}

void Model::stop_self(const std::string& name, TimePoint now) {
  if (tree_[name].supervision.restart == Restart::permanent) return fail(name, now);
  stop(name);
}

void Model::detach(const std::string& name) {
  Life& life = lives_[name];
  std::erase(lives_[life.parent].children, name);
  life.parent.clear();
}

void Model::unpark(const std::string& name) {
  lives_[name].own.clear();
  be_born(name, TimePoint{});
}

// supervisor.erl, add_restart: those within the period count, and there may be `intensity`.
bool Model::within_budget(std::deque<TimePoint>& times, const Supervision& policy, TimePoint now) {
  times.push_back(now);
  while (now - times.front() > policy.period) times.pop_front();
  return times.size() <= policy.intensity;
}

// It has no self any more. supervisor.erl, do_restart and restart_multiple.
void Model::decide(const std::string& name, TimePoint now) {
  if (tree_[name].supervision.restart == Restart::temporary) return end(name);
  const std::string parent = lives_[name].parent;
  const bool is_root = parent.empty();
  auto& times = is_root ? lives_[name].own : lives_[parent].restarts;
  if (!within_budget(times, tree_[is_root ? name : parent].supervision, now)) {
    if (is_root) {
      lives_[name].state = State::parked;
      return;
    }
    return fail(parent, now);
  }
  if (is_root || tree_[parent].supervision.strategy == Strategy::one_for_one) {
    return be_born(name, now);
  }
  restart_group(parent, name, now);
}

void Model::restart_group(const std::string& parent, const std::string& failed, TimePoint now) {
  const auto siblings = lives_[parent].children;
  const bool is_all = tree_[parent].supervision.strategy == Strategy::one_for_all;
  const auto first =
      is_all ? siblings.begin() : std::find(siblings.begin(), siblings.end(), failed);
  std::vector<std::string> group(first, siblings.end());
  for (auto member = group.rbegin(); member != group.rend(); ++member) {
    if (*member == failed || state_of(*member) != State::up) continue;
    if (tree_[*member].supervision.restart == Restart::temporary) {
      stop(*member);
    } else {
      give_up_self(*member);
    }
  }
  for (const auto& member : group) {
    if (state_of(member) != State::down) continue;
    if (lives_[member].parent != parent) continue;
    be_born(member, now);
    // One that could not be born has been decided on already, with those that are still down.
    if (state_of(member) != State::up) return;
  }
}

}  // namespace backstage::sim
