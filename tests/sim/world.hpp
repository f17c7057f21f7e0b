// The simulated world: clock, schedule, faults, and the record that proves two runs equal.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/cell.hpp"
#include "core/clock.hpp"
#include "core/executor.hpp"
#include "core/faults.hpp"
#include "core/run_queue.hpp"
#include "tests/sim/dice.hpp"

namespace backstage::sim {

inline Duration millis(std::uint32_t count) { return std::chrono::milliseconds(count); }

// FNV-1a over everything that was decided or happened, and the text of it when tracing.
class Journal {
 public:
  void note(std::string_view text) noexcept;
  void note(std::uint64_t number) noexcept;
  // The first one counts: what follows a broken invariant means nothing.
  void violate(std::string why);
  [[nodiscard]] bool is_violated() const noexcept { return !violation_.empty(); }
  [[nodiscard]] const std::string& violation() const noexcept { return violation_; }
  [[nodiscard]] std::uint64_t fingerprint() const noexcept { return hash_; }
  void trace_to_stdout(bool is_on) noexcept { is_tracing_ = is_on; }

 private:
  std::uint64_t hash_ = 0xCBF29CE484222325U;
  std::string violation_;
  bool is_tracing_ = false;
};

class SimClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const noexcept override { return now_; }
  void set(TimePoint now) noexcept { now_ = now; }

 private:
  TimePoint now_{std::chrono::hours(1)};
};

class SimAlarm final : public Alarm {
 public:
  void wake_at(TimePoint) noexcept override {}
};

// Which runnable cell is next: one message to one actor at a time.
class Schedule final : public Executor {
 public:
  enum class Policy : std::uint8_t {
    random,
    // Probabilistic concurrency testing (Burckhardt et al., ASPLOS 2010): the highest priority
    // runs; at `depth - 1` random points the running one falls to the bottom.
    pct,
  };
  // What lives where, and what is told when, has dice of its own.
  Schedule(Dice& dice, Journal& journal);
  ~Schedule() override { Home::settle(nullptr); }
  Schedule(const Schedule&) = delete;
  Schedule& operator=(const Schedule&) = delete;
  void choose(Policy policy, std::uint32_t depth, std::uint32_t steps_expected);
  // One thread plays the owners of all homes, and those who have none.
  [[nodiscard]] Home* home() noexcept override;
  void post(Cell& cell) noexcept override;
  // One Cell::drain of one step. Nullptr: nothing was runnable.
  Cell* run_one();
  [[nodiscard]] bool has_work() const noexcept {
    return !runnable_.empty() || !told_.empty() ||
           std::ranges::any_of(ready_, [](const auto& queue) { return !queue.empty(); });
  }

 private:
  [[nodiscard]] Home& any_home() {
    return homes_.at(lanes_.below(static_cast<std::uint32_t>(homes_.size())));
  }
  void collect();
  void tell(bool all);
  void move_one();
  [[nodiscard]] std::size_t next();
  std::uint32_t priority_of(Cell* cell);

  Dice& dice_;
  Dice lanes_;
  Journal& journal_;
  std::array<Home, 3> homes_;
  std::array<RunQueue, 3> ready_;  // of those: what messages woke, on its way into runnable_
  std::vector<Cell*> told_;        // of these a home's owner has yet to hear
  Policy policy_ = Policy::random;
  std::vector<Cell*> runnable_;
  std::unordered_map<Cell*, std::uint32_t> priorities_;  // only looked up, never walked
  std::vector<std::uint32_t> change_points_;
  std::uint32_t steps_ = 0;
  std::uint32_t lowest_ = 1'000'000;
};

// Each site fires once in its odds; 0: never.
class SimFaults final : public Faults {
 public:
  explicit SimFaults(Dice& dice) : dice_(dice) {}
  [[nodiscard]] bool hit(FaultSite site) noexcept override {
    const auto odds = odds_[static_cast<std::size_t>(site)];
    return odds != 0 && dice_.one_in(odds);
  }
  void set(FaultSite site, std::uint32_t odds) { odds_[static_cast<std::size_t>(site)] = odds; }
  [[nodiscard]] bool is_on(FaultSite site) const {
    return odds_[static_cast<std::size_t>(site)] != 0;
  }
  void heal() { odds_.fill(0); }

 private:
  Dice& dice_;
  std::array<std::uint32_t, fault_site_count> odds_{};
};

}  // namespace backstage::sim
