// Live: an engine on real threads, with the world's other parts at their most silent; Overseen: one
// with an overseer and a clock in the test's hands.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/engine.hpp"
#include "core/overseer.hpp"
#include "core/pinned_threads.hpp"
#include "core/worker_pool.hpp"

namespace backstage::test {

class Silent final : public Observer {
 public:
  void spawned(ActorId, std::string_view, std::string_view) noexcept override {}
  void started(ActorId, std::string_view, std::string_view) noexcept override {}
  void failed(ActorId, std::string_view, std::string_view) noexcept override {}
  void restarting(ActorId, std::string_view, Duration) noexcept override {}
  void abandoned(ActorId, std::string_view) noexcept override {}
  void parked(ActorId, std::string_view, std::string_view) noexcept override {}
  void ended(ActorId, std::string_view, EndReason) noexcept override {}
  void dead_letter(DeadCause, std::string_view, std::string_view) noexcept override {}
};

// Counts down; the test waits for zero with a deadline that only a hang would reach.
class Countdown {
 public:
  explicit Countdown(int count) : left_(count) {}
  void hit() {
    const std::lock_guard lock(mutex_);
    if (--left_ == 0) done_.notify_all();
  }
  [[nodiscard]] bool wait() {
    std::unique_lock lock(mutex_);
    return done_.wait_for(lock, std::chrono::seconds(60), [this] { return left_ <= 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  int left_;
};

// Whether `is_so` comes true; only a hang makes it wait for long.
template <class Condition>
[[nodiscard]] bool comes_true(Condition is_so) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

using Act = std::function<Outcome(Context&, const Envelope&)>;

class ActingActor final : public Actor {
 public:
  explicit ActingActor(Act act) : act_(std::move(act)) {}
  Outcome receive(Context& context, const Envelope& envelope) override {
    return act_(context, envelope);
  }
  void ended(Context&, EndReason) noexcept override {}

 private:
  Act act_;
};

class ActingFactory final : public ActorFactory {
 public:
  explicit ActingFactory(Act act) : act_(std::move(act)) {}
  std::expected<std::unique_ptr<Actor>, Failure> create(Context&, std::string_view) override {
    return std::make_unique<ActingActor>(act_);
  }

 private:
  Act act_;
};

inline void add_type(Engine& engine, std::string name, Act act, ActorType type) {
  type.name = std::move(name);
  type.factory = std::make_shared<ActingFactory>(std::move(act));
  type.mailbox.data_messages_max = 1'000'000;
  if (!engine.add_type(std::move(type))) throw std::logic_error("the type exists");
}

struct Live {
  explicit Live(std::uint32_t workers)
      : pool(clock), engine({clock, pool, pool, faults, observer}, {}) {
    pool.start(workers, [this](TimePoint now) { return engine.fire_due(now); });
  }
  ~Live() { pool.stop(); }
  Live(const Live&) = delete;
  Live& operator=(const Live&) = delete;
  void type(std::string name, Act act) { add_type(engine, std::move(name), std::move(act), {}); }

  MonotonicClock clock;
  WorkerPool pool;
  NoFaults faults;
  Silent observer;
  Engine engine;
};

// Goes on when told to, from any thread.
class SharedClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const noexcept override { return TimePoint(Duration(now_.load())); }
  void advance(Duration by) { now_ += by.count(); }

 private:
  std::atomic<Duration::rep> now_{Duration(std::chrono::hours(1)).count()};
};

// Keeps what it is told.
class HungRecord final : public HungHandler {
 public:
  void hung(const HungTurn& turn) noexcept override { add(hung_, turn); }
  void returned(const HungTurn& turn) noexcept override { add(returned_, turn); }
  void short_of_workers(std::uint32_t able, std::uint32_t wanted) noexcept override {
    const std::lock_guard lock(mutex_);
    shortages_.emplace_back(able, wanted);
  }
  void thread_begins() noexcept override { ++threads_; }

  [[nodiscard]] std::vector<HungTurn> hung() const { return copy(hung_); }
  [[nodiscard]] std::vector<HungTurn> returned() const { return copy(returned_); }
  using Shortages = std::vector<std::pair<std::uint32_t, std::uint32_t>>;
  [[nodiscard]] Shortages shortages() const { return copy(shortages_); }
  [[nodiscard]] int threads() const { return threads_; }

 private:
  void add(std::vector<HungTurn>& list, const HungTurn& turn) {
    const std::lock_guard lock(mutex_);
    list.push_back(turn);
  }
  template <class List>
  [[nodiscard]] List copy(const List& list) const {
    const std::lock_guard lock(mutex_);
    return list;
  }

  mutable std::mutex mutex_;
  std::vector<HungTurn> hung_;
  std::vector<HungTurn> returned_;
  Shortages shortages_;
  std::atomic<int> threads_{0};
};

// The overseer has no thread of its own here: `pass` lets time go by and looks.
struct Overseen {
  explicit Overseen(std::uint32_t workers, std::uint32_t spares = 16, std::uint32_t pinned_max = 8)
      : pool(clock, &overseer),
        pinned(clock, pinned_max, &overseer),
        engine({clock, pool, pool, faults, observer, 0, &pinned}, {}) {
    pool.start(workers, [this](TimePoint now) { return engine.fire_due(now); }, spares);
  }
  ~Overseen() {
    pool.stop();
    pinned.stop();
  }
  Overseen(const Overseen&) = delete;
  Overseen& operator=(const Overseen&) = delete;
  void type(std::string name, Act act, Dispatcher dispatcher = Dispatcher::pool,
            Duration budget = std::chrono::seconds(1)) {
    ActorType type;
    type.dispatcher = dispatcher;
    type.turn_budget = budget;
    add_type(engine, std::move(name), std::move(act), std::move(type));
  }
  // A turn is known from the first look that sees it.
  void pass(Duration time) {
    overseer.look();
    clock.advance(time);
    overseer.look();
  }

  SharedClock clock;
  HungRecord record;
  Overseer overseer{clock, record};
  WorkerPool pool;
  PinnedThreads pinned;
  NoFaults faults;
  Silent observer;
  Engine engine;
};

// Handlers wait in it until the test opens it; tells how many came.
class Gate {
 public:
  Outcome operator()(Context&, const Envelope&) {
    std::unique_lock lock(mutex_);
    ++entered_;
    changed_.notify_all();
    const bool is_open =
        changed_.wait_for(lock, std::chrono::seconds(60), [this] { return is_open_; });
    return is_open ? Outcome(Handled::done) : std::unexpected(Failure{"never opened"});
  }
  [[nodiscard]] bool wait_for_entered(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return entered_ >= count; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }
  // As an act: the gate outlives the actors.
  [[nodiscard]] Act act() {
    return
        [this](Context& context, const Envelope& envelope) { return (*this)(context, envelope); };
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int entered_ = 0;
  bool is_open_ = false;
};

}  // namespace backstage::test
