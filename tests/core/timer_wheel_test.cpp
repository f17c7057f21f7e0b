// The timer wheel against a plain ordered model, and with a million live timers.
#include <algorithm>
#include <map>
#include <random>

#include "core/timers.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;

namespace {

// What timers promise, in a plain ordered map.
class Model {
 public:
  void set(TimePoint when, TimerKey key, std::uint64_t number) {
    const auto place = entries_.emplace(std::pair{when, number}, key).first;
    by_key_.emplace(key, place);
  }
  bool cancel(TimerKey key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return false;
    entries_.erase(found->second);
    by_key_.erase(found);
    return true;
  }
  std::optional<std::uint64_t> take(TimePoint now) {
    if (entries_.empty() || entries_.begin()->first.first > now) return std::nullopt;
    const std::uint64_t number = entries_.begin()->first.second;
    by_key_.erase(entries_.begin()->second);
    entries_.erase(entries_.begin());
    return number;
  }
  [[nodiscard]] TimePoint next() const {
    return entries_.empty() ? never : entries_.begin()->first.first;
  }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  using Entries = std::map<std::pair<TimePoint, std::uint64_t>, TimerKey>;
  Entries entries_;
  std::map<TimerKey, Entries::iterator> by_key_;
};

// Times of every kind, many of them equal, around a clock that goes on.
class Times {
 public:
  explicit Times(std::uint64_t seed) : dice_(seed), spread_(dice_() % 62) {}

  std::uint64_t below(std::uint64_t end) { return dice_() % end; }
  [[nodiscard]] TimePoint now() const { return now_; }
  void go_on() {
    const TimePoint then = later(now_, Duration{static_cast<Duration::rep>(below(2 * span()))});
    now_ = then == never ? now_ : then;
  }
  TimePoint any() {
    switch (below(16)) {
      case 0:
        return last_ = never;
      case 1:
        return last_ = TimePoint::min();
      case 2:
        return last_ = TimePoint{Duration{static_cast<Duration::rep>(dice_())}};
      case 3:
        return last_ = now_ - Duration{static_cast<Duration::rep>(below(5))};
      case 4:
      case 5:
      case 6:
      case 7:
        return last_;
      default:
        return last_ = later(now_, Duration{static_cast<Duration::rep>(below(span()))});
    }
  }

 private:
  std::uint64_t span() { return std::uint64_t{1} << below(spread_ + 1); }

  std::mt19937_64 dice_;
  std::uint64_t spread_;
  TimePoint now_{};
  TimePoint last_{};
};

// The same random life for a wheel, which is disturbed in the middle of its work, and the model.
class Pair {
 public:
  explicit Pair(std::uint64_t seed) : times_(seed) {}

  void live(int steps) {
    for (int step = 0; step < steps; ++step) act();
    while (!take(never)) {
    }
    REQUIRE(wheel_.live() == 0);
  }

 private:
  void act() {
    const std::uint64_t what = times_.below(8);
    if (what < 4) return add();
    if (what < 6) return remove();
    if (what == 6) times_.go_on();
    (void)take(times_.now());
  }
  void add() {
    const TimePoint when = times_.any();
    const TimerKey key = wheel_.add(when, {Due::What::user_timer, {7, 8}, ++number_});
    REQUIRE(key != TimerKey{});
    model_.set(when, key, number_);
    keys_.push_back(key);
  }
  void remove() {
    if (keys_.empty()) return;
    const std::size_t at = times_.below(keys_.size());
    REQUIRE(wheel_.remove(keys_[at]) == model_.cancel(keys_[at]));
    if (times_.below(2) == 0) return;  // else again, later
    keys_[at] = keys_.back();
    keys_.pop_back();
  }
  bool take(TimePoint now) {
    std::array<Due, 4> due{};
    const auto size = static_cast<std::size_t>(1 + times_.below(due.size()));
    const auto taken = wheel_.take(now, {due.data(), size}, 1 + times_.below(8));
    for (std::size_t i = 0; i < taken.count; ++i) {
      REQUIRE(due.at(i).number == model_.take(now));
      REQUIRE(due.at(i).who == ActorId{7, 8});
    }
    if (taken.is_all) REQUIRE(model_.take(now) == std::nullopt);
    REQUIRE(wheel_.live() == model_.size());
    REQUIRE(wheel_.earliest() <= model_.next());
    // Few enough never to share a place with many.
    if (taken.is_all && model_.size() <= 64) REQUIRE(wheel_.earliest() == model_.next());
    return taken.is_all;
  }

  Times times_;
  TimerWheel wheel_;
  Model model_;
  std::uint64_t number_ = 0;
  std::vector<TimerKey> keys_;
};

// Comes back when it was told to, and never else.
class Sleeper final : public Alarm {
 public:
  void wake_at(TimePoint when) noexcept override {
    wakes_at = std::min(wakes_at, when);
    ++calls;
  }
  TimePoint wakes_at = never;
  int calls = 0;
};

constexpr std::size_t million = 1'000'000;
constexpr Due nobodys{Due::What::user_timer, nobody, 0};

}  // namespace

TEST_CASE("timers come out as from an ordered list, whatever was set and cancelled", "[core]") {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    CAPTURE(seed);
    Pair(seed).live(1'000);
  }
}

TEST_CASE("whoever sleeps until the alarm or `next` says so misses no timer", "[core]") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    Times times(seed);
    Sleeper sleeper;
    Timers timers(sleeper);
    Model model;
    std::vector<TimerKey> keys;
    for (std::uint64_t number = 1; number <= 500; ++number) {
      const TimePoint when = times.any();
      const int calls = sleeper.calls;
      keys.push_back(timers.set(when, {Due::What::user_timer, nobody, number}));
      // Told of what comes before all others, and of nothing else.
      if (sleeper.calls != calls) REQUIRE(when < model.next());
      model.set(when, keys.back(), number);
      const TimerKey other = keys[times.below(keys.size())];
      if (times.below(2) == 0) REQUIRE(timers.cancel(other) == model.cancel(other));
      REQUIRE(sleeper.wakes_at <= model.next());
      times.go_on();
      if (sleeper.wakes_at > times.now()) continue;
      while (const auto due = timers.take_due(times.now())) {
        REQUIRE(due->number == model.take(times.now()));
      }
      REQUIRE(model.take(times.now()) == std::nullopt);
      sleeper.wakes_at = timers.next();
    }
  }
}

TEST_CASE("many timers of one time come out in the order they were set", "[core]") {
  ManualAlarm alarm;
  Timers timers(alarm);
  std::uint64_t number = 0;
  // Far away at first, then nearer and nearer, until they stand on the lowest level.
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 100; ++i) {
      (void)timers.set(TimePoint{1h}, {Due::What::user_timer, nobody, ++number});
    }
    const TimePoint now = TimePoint{1h} - Duration{(std::int64_t{1} << (40 - round)) / 2};
    (void)timers.set(now, {Due::What::idle_check, nobody, 0});
    const auto due = timers.take_due(now);
    REQUIRE(due);
    CHECK(due->what == Due::What::idle_check);
    CHECK_FALSE(timers.take_due(now));
  }
  for (std::uint64_t wanted = 1; wanted <= number; ++wanted) {
    REQUIRE(timers.take_due(TimePoint{1h})->number == wanted);
  }
}

TEST_CASE("a key of an earlier timer does not cancel the one that has its place now", "[core]") {
  ManualAlarm alarm;
  Timers timers(alarm);
  CHECK_FALSE(timers.cancel(TimerKey{}));
  const TimerKey old = timers.set(TimePoint{1s}, nobodys);
  CHECK(timers.cancel(old));
  const TimerKey made = timers.set(TimePoint{1s}, nobodys);
  CHECK(timers.kept() == 1);
  CHECK(made != old);
  CHECK_FALSE(timers.cancel(old));
  CHECK(timers.live() == 1);
  CHECK(timers.take_due(TimePoint{1s}));
  CHECK_FALSE(timers.cancel(made));
}

TEST_CASE("among a million live timers one is set and cancelled without looking at others",
          "[core]") {
  ManualAlarm alarm;
  Timers timers(alarm);
  Times times(1);
  constexpr std::uint64_t hour = 3'600'000'000'000U;
  const auto within_an_hour = [&] {
    return TimePoint{Duration{static_cast<Duration::rep>(times.below(hour))}};
  };
  for (std::size_t i = 0; i < million; ++i) (void)timers.set(within_an_hour(), nobodys);
  for (std::size_t i = 0; i < million; ++i) {
    if (!timers.cancel(timers.set(within_an_hour(), nobodys))) FAIL("it was not set");
  }
  CHECK(timers.live() == million);
  CHECK(timers.kept() == million + 1);
  CHECK(timers.work() == 0);

  // All in their order: each went down a level at most eleven times on its way.
  TimePoint before{};
  std::size_t rounds = 0;
  std::array<Due, 64> due{};
  for (std::size_t fired = 0; fired < million; ++rounds) {
    const TimePoint now = timers.next();
    if (now < before) FAIL("time went back");
    before = now;
    fired += timers.take_due(now, due);
  }
  CHECK(timers.next() == never);
  // The earliest of all may have been among the cancelled: then some rounds find nothing.
  CHECK(rounds <= million + 11);
  CHECK(timers.work() <= 11 * million);
}

TEST_CASE("cancelling the earliest of many again and again wakes nobody for each", "[core]") {
  ManualAlarm alarm;
  Timers timers(alarm);
  constexpr std::uint64_t many = 100'000;
  std::vector<TimerKey> keys(many);
  for (std::uint64_t i = 0; i < many; ++i) {
    keys[i] = timers.set(TimePoint{1h + Duration(i)}, nobodys);
  }
  int early = 0;
  for (std::uint64_t i = 0; i + 1 < many; ++i) {
    CHECK_FALSE(timers.take_due(TimePoint{Duration(i)}));
    CHECK(timers.cancel(keys[i]));
  }
  for (TimePoint now = timers.next(); !timers.take_due(now); now = timers.next()) ++early;
  CHECK(early <= 11);
  CHECK(timers.work() <= 75 * many);
}

TEST_CASE("many timers due at once are moved and taken a few at a time", "[core]") {
  TimerWheel wheel;
  constexpr std::size_t many = 100'000;
  constexpr std::size_t few = 128;
  for (std::size_t i = 0; i < many; ++i) {
    (void)wheel.add(TimePoint{1h + Duration(i / 2)}, {Due::What::user_timer, nobody, i});
  }
  std::vector<Due> due(many);
  std::size_t count = 0;
  for (bool is_all = false; !is_all;) {
    const std::uint64_t work = wheel.work();
    const auto taken = wheel.take(TimePoint{2h}, std::span(due).subspan(count), few);
    CHECK(taken.count + (wheel.work() - work) <= few);
    count += taken.count;
    is_all = taken.is_all || count == many;
  }
  CHECK(count == many);
  CHECK(std::is_sorted(due.begin(), due.end(),
                       [](const Due& a, const Due& b) { return a.number < b.number; }));
}
