/// Supervisor: what an actor decides about its children. Pure: knows no cell, clock or thread.
///
/// It is told what became of a child and answers with orders, which its cell carries out. A group
/// restart (one_for_all, rest_for_one) takes the children concerned down one at a time, the
/// youngest first, and then makes them anew one at a time, the oldest first.
#pragma once
#include <cstdint>
#include <vector>

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

  [[nodiscard]] bool has(ActorId child) const noexcept;
  [[nodiscard]] bool empty() const noexcept { return children_.empty(); }
  /// In start order.
  [[nodiscard]] std::vector<ActorId> children() const;
  [[nodiscard]] ActorId youngest() const noexcept { return children_.back().id; }
  [[nodiscard]] ActorId oldest() const noexcept { return children_.front().id; }
  /// For a new self: no children, no history.
  void clear() noexcept;

 private:
  enum class State : std::uint8_t { up, going_down, down, coming_up };
  struct Child {
    ActorId id;
    Restart restart;
    State state = State::coming_up;
    bool falls = false;  // a group restart has yet to take it down
    bool rises = false;  // a group restart has yet to make it anew
  };
  using Children = std::vector<Child>;
  [[nodiscard]] Children::iterator find(ActorId child) noexcept;
  void advance(Orders& orders);

  Children children_;
  RestartHistory history_;
};

}  // namespace backstage
