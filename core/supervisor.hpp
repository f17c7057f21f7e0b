/// Supervisor: what an actor decides about its children. Pure: knows no cell, clock or thread.
///
/// It is told what became of a child and answers with orders, which its cell carries out. A group
/// restart (one_for_all, rest_for_one) takes the children concerned down one at a time, the
/// youngest first, and then makes them anew one at a time, the oldest first. Each event costs the
/// same however many children there are, but for the failure that begins a group restart.
#pragma once
#include <cstdint>
#include <vector>

#include "core/hash_index.hpp"
#include "core/ids.hpp"
#include "core/supervision.hpp"

namespace backstage {

struct Order {
  enum class Verb : std::uint8_t {
    restart,   ///< be made anew, after the wait your own back-off asks for
    recycle,   ///< give up your self, keep your mailbox, wait for `restart`
    stop,      ///< (temporary children) end for good
    escalate,  ///< not to a child: too many failures, the supervisor itself has failed
  };
  Verb verb;
  ActorId child;

  friend bool operator==(const Order&, const Order&) = default;
};
using Orders = std::vector<Order>;

class Supervisor {
 public:
  /// A child that is starting. Children are kept in the order of their adding.
  void add(ActorId child, Restart restart);
  /// It has ended for good, or is detached. Nothing for strangers.
  [[nodiscard]] Orders on_gone(ActorId child);
  /// It failed and waits for an order. `supervision` is the supervisor's own.
  [[nodiscard]] Orders on_failed(ActorId child, const Supervision& supervision, TimePoint now);
  /// It was recycled and waits for an order.
  [[nodiscard]] Orders on_down(ActorId child);
  /// It runs (again).
  [[nodiscard]] Orders on_started(ActorId child);

  [[nodiscard]] bool has(ActorId child) const noexcept { return place_of(child) != nowhere; }
  [[nodiscard]] bool empty() const noexcept { return living_ == 0; }
  /// In start order.
  [[nodiscard]] std::vector<ActorId> children() const;
  [[nodiscard]] ActorId youngest() const noexcept { return children_.back().id; }
  [[nodiscard]] ActorId oldest() const noexcept { return children_[first_].id; }
  /// For a new self: no children, no history.
  void clear() noexcept;

 private:
  enum class State : std::uint8_t { up, going_down, down, coming_up };
  struct Child {
    ActorId id;  // nobody: it is gone
    Restart restart;
    State state = State::coming_up;
    bool falls = false;  // a group restart has yet to take it down
    bool rises = false;  // a group restart has yet to make it anew
  };
  static constexpr std::uint32_t nowhere = 0xFFFF'FFFF;

  [[nodiscard]] std::uint32_t place_of(ActorId child) const noexcept;
  void erase(std::uint32_t place);
  void close_ranks();
  void index(std::uint32_t place);
  void set_falls(Child& child, bool falls) noexcept;
  void set_rises(Child& child, bool rises) noexcept;
  void advance(Orders& orders);

  std::vector<Child> children_;  // the gone ones among them until they are the most; never last
  std::uint32_t first_ = 0;      // of those that are not gone
  std::uint32_t living_ = 0;
  HashIndex places_;  // of all, once they are many
  // Of a group restart: how many, and where the next one is sought.
  std::uint32_t falling_ = 0;
  std::uint32_t rising_ = 0;
  std::uint32_t falls_end_ = 0;   // none that falls stands from here on
  std::uint32_t rises_from_ = 0;  // none that rises stands before
  RestartHistory history_;
};

}  // namespace backstage
