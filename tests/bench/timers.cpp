// Timers: what one costs among many live ones, beside the two structures one would take else.
//
// set_cancel: a deadline that is taken back at once, as a request's is. set_fire: the earliest is
// taken and another one set, as a periodic timer's is. The rounds of the three take turns; a line
// is the median of one of them, in nanoseconds for both acts together.
#include <array>
#include <map>
#include <mutex>
#include <queue>
#include <random>
#include <unordered_set>

#include "core/timers.hpp"
#include "tests/bench/bench.hpp"

using namespace backstage;
using namespace backstage::bench;

namespace {

class NoAlarm final : public Alarm {
 public:
  void wake_at(TimePoint) noexcept override {}
};

class Ours {
 public:
  static constexpr const char* name = "backstage";
  using Key = TimerKey;
  Key set(TimePoint when) { return timers_.set(when, {}); }
  void cancel(Key key) { (void)timers_.cancel(key); }
  TimePoint take() {
    const TimePoint when = timers_.next();
    (void)timers_.take_due(when);
    return when;
  }

 private:
  NoAlarm alarm_;
  Timers timers_{alarm_};
};

// Cancelled entries stay until they surface, or are the most.
class Heap {
 public:
  static constexpr const char* name = "std::priority_queue";
  using Key = std::uint64_t;
  Key set(TimePoint when) {
    const std::lock_guard lock(mutex_);
    heap_.push({when, ++last_, {}});
    live_.insert(last_);
    return last_;
  }
  void cancel(Key key) {
    const std::lock_guard lock(mutex_);
    live_.erase(key);
    if (heap_.size() / 2 > live_.size()) drop_cancelled();
  }
  TimePoint take() {
    const std::lock_guard lock(mutex_);
    while (!live_.contains(heap_.top().key)) heap_.pop();
    const Entry entry = heap_.top();
    heap_.pop();
    live_.erase(entry.key);
    return entry.when;
  }

 private:
  struct Entry {
    TimePoint when;
    Key key;
    Due due;
    bool operator<(const Entry& other) const noexcept {
      return when != other.when ? when > other.when : key > other.key;
    }
  };
  void drop_cancelled() {
    std::vector<Entry> kept;
    for (; !heap_.empty(); heap_.pop()) {
      if (live_.contains(heap_.top().key)) kept.push_back(heap_.top());
    }
    heap_ = std::priority_queue<Entry>(std::less<Entry>{}, std::move(kept));
  }

  std::mutex mutex_;
  std::priority_queue<Entry> heap_;
  std::unordered_set<Key> live_;
  Key last_ = 0;
};

class Tree {
 public:
  static constexpr const char* name = "std::multimap";
  using Key = std::multimap<TimePoint, Due>::iterator;
  Key set(TimePoint when) {
    const std::lock_guard lock(mutex_);
    return tree_.emplace(when, Due{});
  }
  void cancel(Key key) {
    const std::lock_guard lock(mutex_);
    tree_.erase(key);
  }
  TimePoint take() {
    const std::lock_guard lock(mutex_);
    const TimePoint when = tree_.begin()->first;
    tree_.erase(tree_.begin());
    return when;
  }

 private:
  std::mutex mutex_;
  std::multimap<TimePoint, Due> tree_;
};

constexpr std::size_t results = 2;
constexpr std::array<const char*, results> loads{"timers_set_cancel", "timers_set_fire"};

// The same times for everybody: drawn beforehand, for the dice would cost more than a timer.
std::vector<Duration> waits(long count, long seed) {
  std::mt19937_64 dice(static_cast<std::uint64_t>(seed));
  constexpr std::uint64_t half_a_minute = 30'000'000'000U;
  std::vector<Duration> drawn(static_cast<std::size_t>(count));
  for (Duration& wait : drawn) wait = Duration{static_cast<Duration::rep>(dice() % half_a_minute)};
  return drawn;
}

template <class Timer>
class Contestant {
 public:
  void fill(const std::vector<Duration>& waits) {
    for (const Duration wait : waits) (void)timer_.set(TimePoint{wait});
  }
  void round(const std::vector<Duration>& waits) {
    const auto start = now_ns();
    for (const Duration wait : waits) timer_.cancel(timer_.set(now_ + wait));
    const auto middle = now_ns();
    for (const Duration wait : waits) {
      now_ = timer_.take();
      (void)timer_.set(now_ + wait);
    }
    times_[0].push_back(middle - start);
    times_[1].push_back(now_ns() - middle);
  }
  void tell(long live, std::size_t each) {
    for (std::size_t i = 0; i < results; ++i) {
      const double ns = percentile(times_.at(i), 50) / static_cast<double>(each);
      std::printf(
          "{\"peer\":\"%s\",\"workload\":\"%s\",\"params\":\"live=%ld\",\"value\":%.6g,"
          "\"unit\":\"ns\"}\n",
          Timer::name, loads.at(i), live, ns);
    }
  }

 private:
  Timer timer_;
  TimePoint now_{};
  std::array<std::vector<std::uint64_t>, results> times_;
};

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments{argc, argv};
  const long live = arguments.number("--live", 1'000'000);
  const auto crowd = waits(live, arguments.number("--seed", 1));
  const auto each = waits(arguments.number("--n", 500'000), arguments.number("--seed", 1));
  Contestant<Ours> ours;
  Contestant<Heap> heap;
  Contestant<Tree> tree;
  ours.fill(crowd);
  heap.fill(crowd);
  tree.fill(crowd);
  for (long round = arguments.number("--rounds", 5); round > 0; --round) {
    ours.round(each);
    heap.round(each);
    tree.round(each);
  }
  ours.tell(live, each.size());
  heap.tell(live, each.size());
  tree.tell(live, each.size());
}
