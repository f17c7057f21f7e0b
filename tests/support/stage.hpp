// Stage: an engine on one thread, with time, order and faults in the test's hands.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/cell.hpp"
#include "core/engine.hpp"

namespace backstage::test {

// Runs posted cells when told to: first come first served, or in a seed's order. Its cells live in
// a home of its own; BACKSTAGE_TEST_LANE says how messages get there: `home` (as from next door),
// `afar` (as from another thread), `locked` (there is no home).
class ManualExecutor final : public Executor {
 public:
  ManualExecutor();
  ~ManualExecutor() override;
  ManualExecutor(const ManualExecutor&) = delete;
  ManualExecutor& operator=(const ManualExecutor&) = delete;

  [[nodiscard]] Home* home() noexcept override { return has_home_ ? &home_ : nullptr; }
  void post(Cell& cell) noexcept override;
  // One Cell::drain of one cell. False: nothing to run.
  bool run_one();
  void shuffle(std::mt19937_64& random) { random_ = &random; }
  [[nodiscard]] std::size_t runnable() const { return runnable_.size(); }
  // The test's thread is next door to this one's cells, if there are several.
  void come_home() { Home::settle(has_home_ && !is_afar_ ? &home_ : nullptr); }

 private:
  struct Runnable {
    Cell* cell;
    bool is_told;  // whether it is to run is asked in its turn
  };
  [[nodiscard]] bool is_to_run(Cell& cell);

  Home home_;
  Home* const home_before_ = Home::here();
  bool has_home_ = true;
  bool is_afar_ = false;
  std::deque<Runnable> runnable_;
  std::mt19937_64* random_ = nullptr;
};

class ManualClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const noexcept override { return now_; }
  void set(TimePoint now) { now_ = now; }

 private:
  TimePoint now_{std::chrono::hours(1)};
};

class ManualAlarm final : public Alarm {
 public:
  void wake_at(TimePoint) noexcept override {}
};

// Fails at the sites it was told to, a number of times.
class ManualFaults final : public Faults {
 public:
  [[nodiscard]] bool hit(FaultSite site) noexcept override {
    const auto found = left_.find(site);
    if (found == left_.end() || found->second == 0) return false;
    --found->second;
    return true;
  }
  void fail(FaultSite site, int times = 1) { left_[site] = times; }

 private:
  std::map<FaultSite, int> left_;
};

// Writes down what the engine tells, a line each: "started counter".
class Record final : public Observer {
 public:
  void spawned(ActorId, std::string_view name, std::string_view) noexcept override {
    add("spawned", name);
  }
  void started(ActorId, std::string_view name, std::string_view) noexcept override {
    add("started", name);
  }
  void failed(ActorId, std::string_view name, std::string_view reason) noexcept override {
    add("failed", name, reason);
  }
  void restarting(ActorId, std::string_view name, Duration) noexcept override {
    add("restarting", name);
  }
  void parked(ActorId, std::string_view name, std::string_view) noexcept override {
    add("parked", name);
  }
  void abandoned(ActorId, std::string_view name) noexcept override { add("abandoned", name); }
  void ended(ActorId, std::string_view name, EndReason reason) noexcept override {
    add("ended", name, token(reason));
  }
  void dead_letter(DeadCause cause, std::string_view target, std::string_view) noexcept override {
    add("dead_letter", target, token(cause));
    if (on_dead_letter) on_dead_letter(cause);
  }
  [[nodiscard]] bool has(std::string_view line) const {
    for (const auto& known : lines) {
      if (known == line) return true;
    }
    return false;
  }
  std::vector<std::string> lines;
  std::function<void(DeadCause)> on_dead_letter;

 private:
  void add(std::string_view what, std::string_view name, std::string_view more = {}) {
    std::string line(what);
    line.append(1, ' ').append(name);
    if (!more.empty()) line.append(1, ' ').append(more);
    lines.push_back(std::move(line));
  }
};

// A copy of what an actor got.
struct Got {
  Kind kind{};
  std::string text;
  std::string type;
  std::string from;
  std::string address;
  std::uint64_t seq = 0;
  bool is_error = false;
  Errc error{};
  bool is_snapshot = false;
  RequestRef request;
  ActorId sender;
  TimerId timer{};
};

using Handler = std::function<Outcome(Context&, const Envelope&)>;

// An actor whose life a test writes: what it does with a message, what it saw.
struct Script {
  Handler receive;                          // nothing: just takes it
  std::function<Outcome(Context&)> create;  // nothing: succeeds
  std::function<void(Context&, EndReason)> ended;
  std::vector<Got> got;
  std::vector<EndReason> ends;
  int created = 0;
};

class ScriptedActor final : public Actor {
 public:
  explicit ScriptedActor(std::shared_ptr<Script> script) : script_(std::move(script)) {}
  Outcome receive(Context& context, const Envelope& envelope) override;
  void ended(Context& context, EndReason reason) noexcept override {
    script_->ends.push_back(reason);
    if (script_->ended) script_->ended(context, reason);
  }

 private:
  std::shared_ptr<Script> script_;
};

class Stage {
 public:
  explicit Stage(Limits limits = {});

  // Registers a type whose actors all follow one script.
  std::shared_ptr<Script> type(std::string name, Handler receive = {}, ActorType settings = {});
  // Spawns and starts it.
  ActorId spawn(std::string_view type, std::string_view name, std::string_view config = {});
  // A client run by the stage's own executor; its script sees what it gets.
  Cell& client(std::string_view name, std::shared_ptr<Script> script,
               Mailbox::Options mailbox = {{}, Overflow::reject, true});

  Result<MessageId> send(std::string_view to, std::string_view text, std::string_view type = {}) {
    return engine.send(to, {type, Payload(text)}, "test");
  }
  Result<Published> publish(std::string_view address, std::string_view text, bool retain = false) {
    return engine.publish(*Address::parse(address), {{}, Payload(text)}, "test", {retain});
  }

  bool step() { return executor.run_one(); }
  // Runs until nothing is runnable; false after a million turns.
  bool settle();
  // Lets time pass, timer by timer.
  void advance(Duration duration);
  // After this the ledger must balance with nothing running.
  [[nodiscard]] Ledger ledger() const { return engine.stats().ledger; }

  ManualClock clock;
  ManualExecutor executor;
  ManualAlarm alarm;
  ManualFaults faults;
  Record record;
  Engine engine;
};

// Ends of requests and sends, as short text for comparison.
[[nodiscard]] std::vector<std::string> texts(const Script& script, Kind kind);

}  // namespace backstage::test
