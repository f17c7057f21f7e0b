#include "tests/sim/trees.hpp"

#include <algorithm>

#include "tests/sim/swarm.hpp"

namespace backstage::sim {
namespace {

// Time between two things that happen.
constexpr Duration rest = std::chrono::milliseconds(500);
constexpr Duration wait_max = std::chrono::milliseconds(4);

class Silent final : public Observer {
 public:
  explicit Silent(Journal& journal) : journal_(journal) {}
  void spawned(ActorId, std::string_view, std::string_view) noexcept override {}
  void started(ActorId, std::string_view name, std::string_view) noexcept override {
    journal_.note(name);
  }
  void failed(ActorId, std::string_view name, std::string_view reason) noexcept override {
    journal_.note(name);
    journal_.note(reason);
  }
  void restarting(ActorId, std::string_view, Duration) noexcept override {}
  void parked(ActorId, std::string_view name, std::string_view) noexcept override {
    journal_.note(name);
  }
  void abandoned(ActorId, std::string_view) noexcept override {}
  void ended(ActorId, std::string_view name, EndReason) noexcept override { journal_.note(name); }
  void dead_letter(DeadCause, std::string_view, std::string_view) noexcept override {}

 private:
  Journal& journal_;
};

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += " " + name;
  return text;
}

}  // namespace

class TreeActor final : public Actor {
 public:
  TreeActor(Trees& trees, std::string name) : trees_(trees), name_(std::move(name)) {}
  Outcome receive(Context& context, const Envelope& envelope) override {
    const auto what = envelope.payload.text();
    if (what == "fail") return std::unexpected(Failure{"told to"});
    if (what == "stop") return Handled::stop;
    if (what.starts_with("detach ")) {
      const auto child = trees_.engine_->find(what.substr(7));
      if (!child || !context.detach(*child)) trees_.journal_.violate("a child cannot be detached");
    }
    return Handled::done;
  }
  void ended(Context&, EndReason) noexcept override { trees_.ends_.push_back(name_); }

 private:
  Trees& trees_;
  std::string name_;
};

class TreeFactory final : public ActorFactory {
 public:
  explicit TreeFactory(Trees& trees) : trees_(trees) {}
  std::expected<std::unique_ptr<Actor>, Failure> create(Context& context,
                                                        std::string_view) override {
    const std::string name(context.name());
    if (auto& bad = trees_.bad_births_[name]; bad > 0) {
      --bad;
      return std::unexpected(Failure{"told to"});
    }
    ++trees_.births_[name];
    for (const auto& child : trees_.model_.tree().at(name).declared) {
      trees_.bad_births_[child] = 0;
      (void)context.spawn({.type = child, .name = child, .as_child = true});
    }
    return std::make_unique<TreeActor>(trees_, name);
  }

 private:
  Trees& trees_;
};

Trees::Trees(std::uint64_t seed, Journal& journal)
    : journal_(journal),
      dice_(seed ^ 0x7EE5U),
      schedule_(dice_, journal),
      observer_(std::make_unique<Silent>(journal)) {
  engine_ = std::make_unique<Engine>(
      World{clock_, schedule_, alarm_, faults_, *observer_, dice_.next()}, Limits{});
}

Trees::~Trees() = default;

void Trees::run() {
  declare();
  start();
  for (std::uint32_t i = dice_.between(4, 14); i > 0 && !journal_.is_violated(); --i) happen();
}

void Trees::declare() { (void)declare_one("", 0); }

// Names in the order of declaring, so that the root is the first.
std::string Trees::declare_one(const std::string& parent, std::uint32_t depth) {
  const std::string name = "n" + std::to_string(names_.size());
  names_.push_back(name);
  Supervision supervision = draw_supervision(dice_);
  supervision.retries = 0;  // the model knows failures, not messages
  supervision.backoff_max = wait_max;
  supervision.backoff_min = std::min(supervision.backoff_min, supervision.backoff_max);
  // Things happen at multiples of `rest`; what follows from one takes less than half of it.
  supervision.period = rest / 2 + rest * dice_.below(8);
  if (depth == 0) supervision.restart = Restart::permanent;
  Model::Node node{parent, supervision, {}};
  const std::uint32_t children = depth < 2 ? dice_.below(4) : 0;
  for (std::uint32_t i = 0; i < children && names_.size() < 10; ++i) {
    node.declared.push_back(declare_one(name, depth + 1));
  }
  model_.declare(name, node);
  ActorType type;
  type.name = name;
  type.supervision = supervision;
  type.factory = std::make_shared<TreeFactory>(*this);
  (void)engine_->add_type(std::move(type));
  return name;
}

void Trees::tell(const std::string& name, std::string_view what) {
  if (!engine_->send(name, {{}, Payload(what)}, "test")) journal_.violate(name + " takes no mail");
}

std::string Trees::any_up() {
  std::vector<std::string> up;
  for (const auto& name : names_) {
    if (model_.is_up(name)) up.push_back(name);
  }
  return up.empty() ? std::string{} : up[dice_.below(static_cast<std::uint32_t>(up.size()))];
}

void Trees::happen() {
  const std::string name = any_up();
  const auto kind = dice_.below(10);
  if (name.empty() || kind == 0) return come_back();
  std::string what = "fail " + name;
  if (kind == 1) {
    what = "stop " + name;
    model_.stop(name);
    (void)engine_->stop(*engine_->find(name), StopVerb::stop);
  } else if (kind == 2) {
    what = "stop_self " + name;
    model_.stop_self(name, clock_.now());
    tell(name, "stop");
  } else if (kind == 3 && model_.is_child(name)) {
    what = "detach " + name;
    tell(model_.parent_of(name), "detach " + name);
    model_.detach(name);
  } else {
    const auto bad_births = kind > 7 && may_fail_births(name) ? dice_.between(1, 3) : 0;
    if (bad_births > 0) what += ", its births fail: " + std::to_string(bad_births);
    model_.fail_creation(name, bad_births);
    bad_births_[name] = bad_births;
    model_.fail(name, clock_.now());
    tell(name, "fail");
  }
  journal_.note(what);
  come_to_rest();
  compare(what);
}

// Not where an older sibling has just been made anew: whether that one's own children are there yet
// is a matter of the schedule, and the model cannot know it.
bool Trees::may_fail_births(const std::string& name) const {
  if (!model_.is_child(name)) return true;
  const auto& parent = model_.tree().at(model_.parent_of(name));
  return parent.supervision.strategy != Strategy::one_for_all || parent.declared.front() == name;
}

// One that is parked is unparked; or the tree is started anew; or time passes.
void Trees::come_back() {
  for (const auto& name : names_) {
    if (!model_.is_parked(name)) continue;
    bad_births_[name] = 0;
    model_.fail_creation(name, 0);
    model_.unpark(name);
    (void)engine_->unpark(*engine_->find(name));
    come_to_rest();
    return compare("unpark " + name);
  }
  if (any_up().empty()) {
    start();
  } else {
    clock_.set(clock_.now() + rest * dice_.below(10));
  }
}

void Trees::start() {
  const std::string& root = names_.front();
  bad_births_.clear();
  model_.fail_creation(root, 0);
  model_.start(root);
  (void)engine_->spawn({.type = root, .name = root});
  come_to_rest();
  compare("start");
}

// All waits between selves pass; the time does not reach the engine's windows before that.
void Trees::come_to_rest() {
  const TimePoint end = clock_.now() + rest;
  for (int turns = 0; turns < 100'000; ++turns) {
    if (schedule_.run_one() != nullptr) continue;
    const TimePoint next = engine_->fire_due(clock_.now());
    if (schedule_.has_work()) continue;
    if (next > end) break;
    clock_.set(std::max(next, clock_.now()));
  }
  if (schedule_.has_work()) journal_.violate("liveness: a tree does not come to rest");
  clock_.set(end);
}

void Trees::wrong(const std::string& after, const std::string& name, std::string_view what) {
  std::string why = "I5: after ";
  journal_.violate(why.append(after).append(", ").append(name).append(" ").append(what));
}

void Trees::compare(const std::string& after) {
  const auto ends = model_.take_ends();
  if (ends != ends_) {
    journal_.violate("I5: after " + after + " selves ended as" + joined(ends_) +
                     ", the model says" + joined(ends));
  }
  if (model_.take_births() != births_) journal_.violate("I5: other births after " + after);
  for (const auto& name : names_) {
    const auto id = engine_->find(name);
    const bool is_there = model_.is_up(name) || model_.is_parked(name);
    if (id.has_value() != is_there) {
      wrong(after, name, is_there ? "is gone" : "lives");
    }
    const bool is_parked = id && !engine_->send(*id, {{}, Payload("ping")}, "test");
    if (is_parked != model_.is_parked(name)) {
      wrong(after, name, "is wrongly parked, or not");
    }
  }
  if (!engine_->stats().ledger.is_balanced()) journal_.violate("I1: the ledger does not close");
  ends_.clear();
  births_.clear();
}

}  // namespace backstage::sim
