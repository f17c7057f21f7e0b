/// TimerWheel: entries ordered by time, at a constant cost to add and to remove.
///
/// A radix wheel over the 64 bits of a nanosecond: an entry stands on the level of the highest
/// group of six bits in which its time differs from the wheel's own, in the place which that group
/// names. The wheel's time goes forward to the earliest entry, never past it, and those that share
/// its place move down: each at most once a level. Equal times share a place at all times and keep
/// the order of their adding. Pure: no lock, no clock.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/clock.hpp"
#include "core/ids.hpp"

namespace backstage {

/// Never 0: TimerKey{} is no entry's.
enum class TimerKey : std::uint64_t {};

/// What is due, and for whom.
struct Due {
  enum class What : std::uint8_t {
    user_timer,        ///< `number` is the actor's TimerId
    request_deadline,  ///< `number` is the actor's RequestId
    backoff_over,
    idle_check,
    end_overdue,  ///< it was asked to end and has not
  };
  What what;
  ActorId who;
  std::uint64_t number = 0;
};

class TimerWheel {
 public:
  TimerKey add(TimePoint when, const Due& due);
  /// False: it was taken, or removed before.
  bool remove(TimerKey key);

  struct Taken {
    std::size_t count = 0;
    bool is_all = false;  ///< nothing else is due
  };
  /// Takes what is due at `now`, the earliest first, as far as `into` holds it; ends early after
  /// `work_max` entries were moved or taken, and goes on from there when called again.
  [[nodiscard]] Taken take(TimePoint now, std::span<Due> into, std::size_t work_max);
  /// When the earliest is due; `never`: there is none. May be too early, never too late, where many
  /// share a place of which the earliest was removed; `take` at that time makes it exact.
  [[nodiscard]] TimePoint earliest() const;

  [[nodiscard]] std::size_t live() const noexcept { return live_; }
  /// Entries there is memory for: it is used again, not given back.
  [[nodiscard]] std::size_t kept() const noexcept { return used_; }
  /// Entries moved, passed or looked at since the start, beside those added, removed and taken.
  [[nodiscard]] std::uint64_t work() const noexcept { return work_; }

 private:
  static constexpr unsigned level_bits = 6;
  static constexpr unsigned level_places = 1U << level_bits;
  static constexpr unsigned levels = (64 + level_bits - 1) / level_bits;
  static constexpr unsigned late = levels * level_places;  // before the wheel's time: sorted
  static constexpr unsigned places = late + 1;
  static constexpr std::uint32_t none = 0xFFFF'FFFF;
  static constexpr std::size_t chunk_size = 1024;

  struct Node {
    std::uint64_t tick;
    std::uint64_t number;
    ActorId who;
    std::uint32_t prev;
    std::uint32_t next;  // of a free one: the next free one
    std::uint32_t generation;
    std::uint16_t place;
    Due::What what;
  };
  struct Place {
    std::uint32_t head = none;
    std::uint32_t tail = none;
    std::uint64_t earliest = 0;  // of a place that is not empty; not later than any tick in it
    bool is_exact = true;        // `earliest` is the tick of one in it
  };

  [[nodiscard]] Node& node(std::uint32_t index) noexcept {
    return chunks_[index / chunk_size][index % chunk_size];
  }
  [[nodiscard]] const Node& node(std::uint32_t index) const noexcept {
    return chunks_[index / chunk_size][index % chunk_size];
  }
  [[nodiscard]] std::uint32_t make_node();
  void free_node(std::uint32_t index) noexcept;
  [[nodiscard]] unsigned place_of(std::uint64_t tick) const noexcept;
  [[nodiscard]] unsigned first_place() const noexcept;
  void insert(std::uint32_t index, unsigned place) noexcept;
  void insert_late(std::uint32_t index) noexcept;
  void unlink(std::uint32_t index) noexcept;
  void move_one() noexcept;
  [[nodiscard]] Due take_node(std::uint32_t index) noexcept;

  std::uint64_t now_ = 0;   // the wheel's own time, as a tick
  unsigned moving_ = late;  // the place whose entries are on their way down; `late`: none
  std::array<Place, places> places_{};
  std::array<std::uint64_t, levels> occupied_{};  // a bit for each place that is not empty
  std::uint32_t levels_occupied_ = 0;             // a bit for each level that is not empty
  std::vector<std::unique_ptr<Node[]>> chunks_;   // entries never move
  std::uint32_t free_ = none;
  std::size_t used_ = 0;
  std::size_t live_ = 0;
  mutable std::uint64_t work_ = 0;
};

}  // namespace backstage
