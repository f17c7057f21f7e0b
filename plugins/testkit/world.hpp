// World: the clock, scheduler and observer of a stage: one thread, no time of its own.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "backstage/testkit.hpp"
#include "core/cell.hpp"
#include "core/engine.hpp"

namespace backstage::testkit {

/// Runs posted cells when told to: first come first served, or in the order of a seed.
class SeededExecutor final : public Executor {
 public:
  explicit SeededExecutor(std::uint64_t seed) : random_(seed), shuffles_(seed != 0) {}
  /// A plugin's own threads may cause this at any time; what they cause runs with the next call.
  void post(Cell& cell) noexcept override {
    const std::lock_guard lock{mutex_};
    runnable_.push_back(&cell);
  }
  /// One turn of one cell. False: nobody has anything to do.
  bool run_one() {
    Cell* const next = take();
    if (next == nullptr) return false;
    if (next->drain()) post(*next);
    Hearing::flush();
    return true;
  }

 private:
  Cell* take() {
    const std::lock_guard lock{mutex_};
    if (runnable_.empty()) return nullptr;
    const auto at = shuffles_ ? static_cast<std::ptrdiff_t>(random_() % runnable_.size()) : 0;
    Cell* const next = runnable_[static_cast<std::size_t>(at)];
    runnable_.erase(runnable_.begin() + at);
    return next;
  }

  std::mutex mutex_;
  std::deque<Cell*> runnable_;
  std::mt19937_64 random_;
  const bool shuffles_;
};

class VirtualClock final : public Clock {
 public:
  static constexpr TimePoint start{std::chrono::hours{1}};
  [[nodiscard]] TimePoint now() const noexcept override { return now_; }
  void set(TimePoint now) noexcept { now_ = std::max(now_, now); }

 private:
  TimePoint now_ = start;
};

class NoAlarm final : public Alarm {
 public:
  void wake_at(TimePoint) noexcept override {}
};

class NoFaults final : public Faults {
 public:
  NoFaults() noexcept : Faults(false) {}
  [[nodiscard]] bool hit(FaultSite) noexcept override { return false; }
};

/// Keeps the failures.
class Witness final : public Observer {
 public:
  void spawned(ActorId, std::string_view, std::string_view) noexcept override {}
  void started(ActorId, std::string_view, std::string_view) noexcept override {}
  void failed(ActorId, std::string_view name, std::string_view reason) noexcept override {
    failures.push_back({std::string{name}, std::string{reason}});
  }
  void restarting(ActorId, std::string_view, Duration) noexcept override {}
  void parked(ActorId, std::string_view, std::string_view) noexcept override {}
  void abandoned(ActorId, std::string_view) noexcept override {}
  void ended(ActorId, std::string_view, EndReason) noexcept override {}
  void dead_letter(DeadCause, std::string_view, std::string_view) noexcept override {}

  std::vector<failed_turn> failures;
};

/// Throws failure with the engine's words. `what` is a clause: `send to g`.
template <class T>
T taken(Result<T> result, const std::string& what) {
  if (!result) {
    throw failure(std::string{token(result.error())},
                  what + " was refused: " + std::string{sentence(result.error())});
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace backstage::testkit
