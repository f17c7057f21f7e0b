// A supervisor of many children: as one that keeps a plain list, and at a constant cost an event.
#include <algorithm>
#include <deque>
#include <random>

#include "core/supervisor.hpp"
#include "tests/support/catch.hpp"

using namespace backstage;
using Verb = Order::Verb;

namespace {

constexpr TimePoint now{1h};

// The same decisions from a plain list, looked through each time.
class Plain {
 public:
  void add(ActorId id, Restart restart) { children_.push_back({id, restart}); }
  Orders on_gone(ActorId id) {
    const auto gone = find(id);
    if (gone == children_.end()) return {};
    children_.erase(gone);
    return advance();
  }
  Orders on_failed(ActorId id, Strategy strategy) {
    const auto failed = find(id);
    if (failed == children_.end()) return {};
    if (failed->state == State::going_down) return on_down(id);
    failed->state = State::down;
    if (strategy == Strategy::one_for_one) {
      failed->state = State::coming_up;
      return {{Verb::restart, id}};
    }
    for (auto other = children_.begin(); other != children_.end(); ++other) {
      if (strategy == Strategy::rest_for_one && other < failed) continue;
      other->falls = other->state != State::down;
      other->rises = true;
    }
    return advance();
  }
  Orders on_down(ActorId id) {
    const auto down = find(id);
    if (down == children_.end()) return {};
    down->state = State::down;
    down->falls = false;
    return advance();
  }
  Orders on_started(ActorId id) {
    const auto up = find(id);
    if (up == children_.end() || up->state == State::going_down) return {};
    up->state = State::up;
    if (!up->falls) up->rises = false;
    return advance();
  }
  [[nodiscard]] std::vector<ActorId> children() const {
    std::vector<ActorId> ids(children_.size());
    std::transform(children_.begin(), children_.end(), ids.begin(),
                   [](const Child& child) { return child.id; });
    return ids;
  }

 private:
  enum class State : std::uint8_t { up, going_down, down, coming_up };
  struct Child {
    ActorId id;
    Restart restart;
    State state = State::coming_up;
    bool falls = false;
    bool rises = false;
  };
  std::vector<Child>::iterator find(ActorId id) {
    return std::find_if(children_.begin(), children_.end(),
                        [id](const Child& child) { return child.id == id; });
  }
  Orders advance() {
    const auto last = std::find_if(children_.rbegin(), children_.rend(),
                                   [](const Child& child) { return child.falls; });
    if (last != children_.rend()) {
      if (last->state == State::going_down) return {};
      last->state = State::going_down;
      const bool is_temporary = last->restart == Restart::temporary;
      return {{is_temporary ? Verb::stop : Verb::recycle, last->id}};
    }
    const auto next = std::find_if(children_.begin(), children_.end(),
                                   [](const Child& child) { return child.rises; });
    if (next == children_.end() || next->state == State::coming_up) return {};
    next->state = State::coming_up;
    return {{Verb::restart, next->id}};
  }
  std::vector<Child> children_;
};

// The same events for both: those that the orders cause, and others.
class Family {
 public:
  explicit Family(std::uint64_t seed) : dice_(seed) {}

  void live(int events, std::uint64_t children_max) {
    for (int event = 0; event < events; ++event) {
      known_ = plain_.children();
      REQUIRE(supervisor_.children() == known_);
      REQUIRE(supervisor_.empty() == known_.empty());
      if (!known_.empty()) {
        REQUIRE(supervisor_.youngest() == known_.back());
        REQUIRE(supervisor_.oldest() == known_.front());
      }
      if (known_.size() < below(children_max)) add();
      act();
      obey();
    }
  }

 private:
  std::uint64_t below(std::uint64_t end) { return dice_() % end; }
  void add() {
    for (std::uint64_t left = 1 + below(8); left > 0; --left) {
      const ActorId id{++last_slot_ * 64, 1};
      const auto restart = static_cast<Restart>(below(3));
      plain_.add(id, restart);
      supervisor_.add(id, restart);
    }
  }
  ActorId any() {
    if (known_.empty() || below(16) == 0) return {static_cast<std::uint32_t>(below(1000)), 1};
    return known_[below(known_.size())];
  }
  void act() {
    const ActorId child = any();
    REQUIRE(supervisor_.has(child) ==
            (std::find(known_.begin(), known_.end(), child) != known_.end()));
    switch (below(8)) {
      case 0:
      case 1:
      case 2:
        return check(supervisor_.on_gone(child), plain_.on_gone(child));
      case 3:
        return check(supervisor_.on_down(child), plain_.on_down(child));
      case 4: {
        const auto strategy = static_cast<Strategy>(below(3));
        Supervision supervision;
        supervision.strategy = strategy;
        supervision.intensity = 1'000'000;
        return check(supervisor_.on_failed(child, supervision, now),
                     plain_.on_failed(child, strategy));
      }
      default:
        return check(supervisor_.on_started(child), plain_.on_started(child));
    }
  }
  void check(const Orders& orders, const Orders& wanted) {
    REQUIRE(orders == wanted);
    ordered_.insert(ordered_.end(), orders.begin(), orders.end());
  }
  // Some of what was ordered comes true.
  void obey() {
    while (!ordered_.empty() && below(4) != 0) {
      const Order order = ordered_.front();
      ordered_.pop_front();
      if (order.verb == Verb::restart) {
        check(supervisor_.on_started(order.child), plain_.on_started(order.child));
      } else if (order.verb == Verb::recycle) {
        check(supervisor_.on_down(order.child), plain_.on_down(order.child));
      } else {
        check(supervisor_.on_gone(order.child), plain_.on_gone(order.child));
      }
    }
  }

  std::mt19937_64 dice_;
  Supervisor supervisor_;
  Plain plain_;
  std::vector<ActorId> known_;
  std::deque<Order> ordered_;
  std::uint32_t last_slot_ = 0;
};

// Enough that a look at each child for each event would never end.
constexpr std::uint32_t many = 1'000'000;
constexpr ActorId child(std::uint32_t number) { return {number, 7}; }

}  // namespace

TEST_CASE("a supervisor decides as if it looked through a list", "[core][supervisor]") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    Family(seed).live(300, 12);
    Family(seed).live(300, 80);
  }
}

TEST_CASE("a million children come and go in any order", "[core][supervisor]") {
  Supervisor supervisor;
  for (std::uint32_t i = 0; i < many; ++i) supervisor.add(child(i), Restart::transient);
  for (std::uint32_t i = 0; i < many; ++i) {
    if (!supervisor.on_started(child(i)).empty()) FAIL("an order for nothing");
  }
  // From the middle, from the old end, from the young end.
  for (std::uint32_t i = many / 2; i < many / 2 + many / 4; ++i) (void)supervisor.on_gone(child(i));
  CHECK(supervisor.oldest() == child(0));
  CHECK(supervisor.youngest() == child(many - 1));
  for (std::uint32_t i = 0; i < many / 4; ++i) (void)supervisor.on_gone(child(i));
  CHECK(supervisor.oldest() == child(many / 4));
  CHECK(supervisor.children().size() == many / 2);
  for (std::uint32_t i = many; i-- > many / 4;) (void)supervisor.on_gone(child(i));
  CHECK(supervisor.empty());
}

TEST_CASE("a million children fall and rise together", "[core][supervisor]") {
  Supervisor supervisor;
  for (std::uint32_t i = 0; i < many; ++i) {
    supervisor.add(child(i), Restart::transient);
    (void)supervisor.on_started(child(i));
  }
  Supervision supervision;
  supervision.strategy = Strategy::one_for_all;
  Orders orders = supervisor.on_failed(child(many / 2), supervision, now);
  std::uint32_t recycled = 0;
  std::uint32_t restarted = 0;
  while (orders.size() == 1) {
    const Order order = orders.front();
    const bool falls = order.verb == Verb::recycle;
    ++(falls ? recycled : restarted);
    orders = falls ? supervisor.on_down(order.child) : supervisor.on_started(order.child);
  }
  CHECK(orders.empty());
  CHECK(recycled == many - 1);
  CHECK(restarted == many);
}
