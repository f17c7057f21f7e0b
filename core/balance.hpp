/// Balance: which worker is behind, and whether help was one: the timekeeper's judgement, without
/// threads.
///
/// A resting worker that takes over half of what waits elsewhere brings a second core, and puts
/// some of the cells far from those they talk with. Which of the two weighs more is seen only
/// afterwards: in how many messages go from one worker's cells to another's.
#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>

namespace backstage {

/// A worker's counters at one look, all of them since the start.
struct WorkerLoad {
  std::uint64_t pushed = 0;           ///< cells that came to wait
  std::uint64_t popped = 0;           ///< and do no longer
  std::uint64_t turns = 0;            ///< ended
  std::uint64_t sent_afar = 0;        ///< messages to cells that live with another worker
  std::uint64_t oldest_beginner = 0;  ///< names who waits longest to begin; 0: nobody does
  bool has_told = false;              ///< somebody wants one of its cells to run
};

/// For how many looks those that wait must have waited before they are helped. Grows while help
/// does harm, and is forgotten when it did none.
class Patience {
 public:
  /// 50 ms: a burst that was torn once is over by then, as a rule (W3 of tests/bench).
  static constexpr std::uint32_t looks_min = 100;
  /// 100 ms: so long at most does a cell wait behind others while a worker rests.
  static constexpr std::uint32_t looks_max = 200;
  /// Help that has done no harm for so long does none.
  static constexpr std::uint32_t trial_looks = 40;

  [[nodiscard]] std::uint32_t looks() const noexcept { return looks_; }
  void on_look() noexcept {
    if (trial_ == 0) return;
    --trial_;
    if (trial_ == 0) looks_ = 0;
  }
  void on_help() noexcept { trial_ = trial_looks; }
  void on_harm() noexcept {
    // Once for each time that there was help.
    if (std::exchange(trial_, 0) == 0) return;
    looks_ = std::clamp(looks_ * 2, looks_min, looks_max);
  }

 private:
  std::uint32_t looks_ = 0;
  std::uint32_t trial_ = 0;  // looks until the last help counts as good
};

/// What the timekeeper remembers of one worker from look to look.
class LoadWatch {
 public:
  /// So many messages of one worker to others' cells between two looks say that those cells do
  /// little with each: under 0.5 us. To send one so far costs both sides together about as much
  /// (W2 of tests/bench: two workers had 0.45 of one's rate).
  static constexpr std::uint64_t afar_a_look_max = 1000;

  /// To be called once a look, with the counters of then.
  void look(const WorkerLoad& load) noexcept {
    afar_ = load.sent_afar - last_.sent_afar;
    looks_of_turn_ = load.turns == last_.turns ? looks_of_turn_ + 1 : 0;
    if (load.popped >= seen_pushed_) {
      seen_pushed_ = load.pushed;
      turns_before_ = load.turns;
      looks_of_queue_ = 0;
    } else {
      ++looks_of_queue_;
    }
    looks_of_beginner_ = load.oldest_beginner != 0 && load.oldest_beginner == last_.oldest_beginner
                             ? looks_of_beginner_ + 1
                             : 0;
    last_ = load;
  }
  /// Somebody waits with it.
  [[nodiscard]] bool has_waiting() const noexcept {
    return last_.popped < last_.pushed || last_.has_told;
  }
  /// Somebody waits, and the same turn lasts, or the same cells wait, since some looks ago. A
  /// moment is not enough: what moves to another core is far from those it talks with. Where turns
  /// are short that costs more than it brings, unless the wait is long.
  [[nodiscard]] bool is_behind(std::uint32_t patience) const noexcept {
    constexpr std::uint32_t looks_of_a_turn = 2;
    constexpr std::uint32_t looks_of_a_queue = 4;
    constexpr std::uint32_t looks_of_a_long_queue = 40;
    constexpr std::uint64_t short_turns_a_look = 100;  // 5 us each
    const bool is_short = last_.turns - turns_before_ > short_turns_a_look * looks_of_queue_;
    const std::uint32_t looks = is_short ? looks_of_a_long_queue : looks_of_a_queue;
    // Newer ones go first: the others' turns say nothing of it.
    if (looks_of_beginner_ >= std::max(looks_of_a_queue, patience)) return true;
    return (has_waiting() && looks_of_turn_ >= std::max(looks_of_a_turn, patience)) ||
           looks_of_queue_ >= std::max(looks, patience);
  }
  /// Its cells and those of others talk more than they work.
  [[nodiscard]] bool is_torn() const noexcept { return afar_ > afar_a_look_max; }

 private:
  WorkerLoad last_;
  std::uint64_t afar_ = 0;
  std::uint64_t seen_pushed_ = 0;
  std::uint64_t turns_before_ = 0;  // when those that wait had just come
  std::uint32_t looks_of_queue_ = 0;
  std::uint32_t looks_of_turn_ = 0;
  std::uint32_t looks_of_beginner_ = 0;
};

}  // namespace backstage
