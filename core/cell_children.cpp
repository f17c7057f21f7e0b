// Cell as a supervisor: what its children tell, what it orders, how they start and stop together.
#include <algorithm>
#include <mutex>
#include <utility>

#include "core/cell.hpp"
#include "core/cell_parts.hpp"
#include "core/context.hpp"
#include "core/planted.hpp"
#include "core/runtime.hpp"

namespace backstage {

bool Cell::tell(const ChildEvent& event, ActorId target) {
  bool is_first = false;
  {
    const std::lock_guard lock(lock_);
    if (watched_generation_ != target.generation) return false;
    if (watch_ == nullptr) watch_ = std::make_unique<Watch>();
    // Whoever told the first has raised the signal, and it is not answered yet.
    is_first = watch_->events.empty();
    watch_->events.push_back(event);
  }
  if (is_first) signal(Signal::news, target);
  return true;
}

bool Cell::tell_supervisor(ChildEvent::What what) {
  const ActorId parent = this->parent();
  Cell* cell = runtime_.directory.at(parent);
  return cell != nullptr && cell->tell({what, id_}, parent);
}

Step Cell::take_child_events() {
  std::vector<ChildEvent> events;
  {
    const std::lock_guard lock(lock_);
    if (watch_ != nullptr) events.swap(watch_->events);
  }
  for (const ChildEvent& event : events) {
    on_group_event(event);
    if (carry_out(orders_after(event)) == Step::ended) return Step::ended;
  }
  return Step::worked;
}

// While it stops, or has no self, a supervisor only keeps the list: its children are being stopped.
Orders Cell::orders_after(const ChildEvent& event) {
  Supervisor& supervisor = holdings().supervisor;
  if (phase() == Phase::stopping && event.what != ChildEvent::What::ended) return {};
  switch (event.what) {
    case ChildEvent::What::created:
      return {};
    case ChildEvent::What::started:
      return supervisor.on_started(event.child);
    case ChildEvent::What::failed:
      return supervisor.on_failed(event.child, type_->supervision, runtime_.world.clock.now());
    case ChildEvent::What::down:
      return supervisor.on_down(event.child);
    case ChildEvent::What::ended:
      return supervisor.on_gone(event.child);
  }
  return {};
}

Step Cell::carry_out(const Orders& orders) {
  for (const Order& order : orders) {
    if (phase() == Phase::stopping) break;
    if (order.verb == Order::Verb::escalate) return on_failure("its children failed too often");
    Cell* child = runtime_.directory.at(order.child);
    switch (order.verb) {
      case Order::Verb::restart:
        child->signal(Signal::restart, order.child);
        break;
      case Order::Verb::recycle:
        child->signal(Signal::recycle, order.child);
        break;
      case Order::Verb::stop:
        child->ask_to_end(Signal::stop, std::nullopt, order.child);
        break;
      case Order::Verb::escalate:
        break;
    }
  }
  return Step::worked;
}

Result<std::vector<ActorId>> Cell::spawn_group(std::span<const SpawnRequest> members) {
  std::vector<ActorId> opened;
  Errc why{};
  bool is_complete = true;
  for (const SpawnRequest& member : members) {
    const auto spawned = runtime_.spawn(member, {.parent = id_, .is_gated = true});
    is_complete = spawned && !spawned->existed;
    if (!is_complete) {
      why = spawned ? Errc::name_in_use : spawned.error();
      break;
    }
    opened.push_back(spawned->id);
  }
  for (const ActorId id : opened) {
    Cell* cell = runtime_.directory.at(id);
    if (is_complete) {
      holdings().supervisor.add(id, cell->restart_);
    } else {
      (void)cell->mailbox_.raise(Signal::kill, id.generation);
    }
    cell->executor().post(*cell);
  }
  if (!is_complete) return Refused(why);
  holdings().groups.push_back({opened.front(), opened, opened});
  return opened;
}

// A group runs once all of it are created; one that ends before ends the others.
void Cell::on_group_event(const ChildEvent& event) {
  const auto found = group_of(event.child);
  if (!found) return;
  Holdings::Group& group = holdings_->groups[*found];
  if (event.what == ChildEvent::What::ended) {
    std::erase(group.members, event.child);
    return close_group(*found, true);
  }
  std::erase(group.waiting, event.child);
  // Made once is not made for ever: it may lose its self before the others have theirs.
  if (event.what != ChildEvent::What::created) group.waiting.push_back(event.child);
  if (group.waiting.empty()) close_group(*found, false);
}

std::optional<std::size_t> Cell::group_of(ActorId child) const {
  if (holdings_ == nullptr) return std::nullopt;
  const auto& groups = holdings_->groups;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const auto& members = groups[i].members;
    if (std::find(members.begin(), members.end(), child) != members.end()) return i;
  }
  return std::nullopt;
}

void Cell::close_group(std::size_t index, bool is_broken) {
  const Holdings::Group group = std::move(holdings_->groups[index]);
  holdings_->groups.erase(holdings_->groups.begin() + static_cast<std::ptrdiff_t>(index));
  for (const ActorId member : group.members) {
    Cell* cell = runtime_.directory.at(member);
    if (is_broken) {
      cell->ask_to_end(Signal::stop, std::nullopt, member);
    } else {
      cell->signal(Signal::go, member);
    }
  }
  auto told = runtime_.make_envelope(Kind::started);
  told->sender = group.first;
  told->is_error = is_broken;
  told->error = Errc::actor_failed;
  told->payload = Payload(is_broken ? "one of the group could not be created" : "");
  (void)runtime_.deliver(id_, std::move(told));
}

Result<void> Cell::detach(ActorId child) {
  if (holdings_ == nullptr || !holdings_->supervisor.has(child)) return Refused(Errc::no_actor);
  if (const auto found = group_of(child)) {
    // The others need not wait for one that is on its own now.
    Holdings::Group& group = holdings_->groups[*found];
    std::erase(group.members, child);
    std::erase(group.waiting, child);
    if (group.waiting.empty()) close_group(*found, false);
  }
  const Orders orders = holdings_->supervisor.on_gone(child);
  runtime_.directory.at(child)->signal(Signal::orphan, child);
  // What the siblings wait for goes on without it.
  (void)carry_out(orders);
  return {};
}

// One child at a time, the youngest first; each tells its end. Idle: waits for that. Worked: none
// is left.
Step Cell::stop_next_child() {
  while (holdings_ != nullptr && !holdings_->supervisor.empty()) {
    Supervisor& supervisor = holdings_->supervisor;
    const bool is_wrong_way = planted(Bug::stops_oldest_first);
    const ActorId next = is_wrong_way ? supervisor.oldest() : supervisor.youngest();
    if (uncommon().stopping_child == next) return Step::idle;
    uncommon().stopping_child = next;
    Cell* child = runtime_.directory.at(next);
    const bool is_skipped =
        planted(Bug::stop_forgets_child) && child->phase() == Phase::backing_off;
    if (runtime_.directory.is_alive(next) && !is_skipped) {
      const bool is_shutdown = end_reason_ == EndReason::shutdown;
      child->ask_to_end(is_shutdown ? Signal::shutdown : Signal::stop, std::nullopt, next);
      return Step::idle;
    }
    (void)supervisor.on_gone(next);
  }
  if (uncommon_ != nullptr) uncommon_->stopping_child = nobody;
  if (holdings_ != nullptr) {
    holdings_->supervisor.clear();
    holdings_->groups.clear();
  }
  return Step::worked;
}

void Cell::kill_children() {
  if (holdings_ == nullptr) return;
  auto children = holdings_->supervisor.children();
  holdings_->supervisor.clear();
  std::reverse(children.begin(), children.end());
  for (const ActorId child : children) {
    runtime_.directory.at(child)->ask_to_end(Signal::kill, std::nullopt, child);
  }
}

}  // namespace backstage
