/// Cell: one live actor inside the engine: mailbox, lifecycle and the actor object.
///
/// The corridor every message takes: accept -> drain -> step -> Actor::receive. Production and
/// simulation call the same step. Cells are kept by the Directory and reused; an ActorId of an
/// earlier life is refused by the mailbox.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/actor.hpp"
#include "core/fwd.hpp"
#include "core/mailbox.hpp"
#include "core/observer.hpp"
#include "core/requests.hpp"
#include "core/string_map.hpp"
#include "core/values/pattern.hpp"

namespace backstage {

enum class Phase : std::uint8_t {
  starting,  ///< created in its first turn
  running,
  backing_off,  ///< failed, waits to be made anew; the mailbox is kept
  stopping,     ///< waits for its children to end
  parked,
  ended,  ///< not alive: the slot is free
};
[[nodiscard]] std::string_view token(Phase phase) noexcept;

enum class Step : std::uint8_t {
  worked,  ///< one envelope handled or one change of phase
  idle,    ///< nothing to do now
  ended,   ///< the life is over: do not touch the cell again
};

/// What an actor holds of the engine beyond its mailbox; made on first use. [actor]
struct Holdings {
  std::vector<ActorId> children;  ///< in start order
  std::unordered_map<SubscriptionId, Pattern> subscriptions;
  StringMap<SubscriptionId> by_pattern;
  struct Timer {
    TimerKey key;
    Duration period;
    TimePoint due;
  };
  std::unordered_map<TimerId, Timer> timers;
  std::vector<ActorId> watching;
  std::uint64_t last_timer = 0;
  bool watches_interest = false;
};

/// What a cell is made with.
struct CellOptions {
  std::string_view name;
  ActorTypePtr type;
  std::string config;
  ActorId parent;
  Executor* executor = nullptr;
  Mailbox::Options mailbox;
  std::unique_ptr<Actor> actor;  ///< clients bring theirs; hosted actors are made by their type
  ActorId tell_started;          ///< who wants Kind::started
  std::size_t rule = no_rule;
  std::optional<Pattern> activated_by;  ///< what was subscribed on its behalf
  Duration idle{};
  static constexpr std::size_t no_rule = static_cast<std::size_t>(-1);
};

class Cell {
 public:
  Cell(Runtime& runtime, std::uint32_t slot) noexcept : runtime_(runtime), slot_(slot) {}
  Cell(const Cell&) = delete;
  Cell& operator=(const Cell&) = delete;
  ~Cell();

  /// Begins a life under `generation`. The caller then makes it known and posts it. [Directory]
  void open(std::uint32_t generation, CellOptions options);

  // --- [any]
  /// Into the mailbox. If that woke the owner (woke_owner), the caller posts the cell once it holds
  /// no lock.
  [[nodiscard]] PushResult accept(EnvelopePtr& envelope, ActorId target);
  void signal(Signal signal, ActorId target);
  void child_ended(ActorId child, ActorId target);
  /// False: the target is over, no `down` will come.
  [[nodiscard]] bool add_watcher(ActorId watcher, ActorId target);
  void remove_watcher(ActorId watcher, ActorId target);
  [[nodiscard]] Executor& executor() const noexcept { return *executor_; }
  [[nodiscard]] Phase phase() const noexcept { return phase_.load(std::memory_order_relaxed); }
  [[nodiscard]] const Mailbox& mailbox() const noexcept { return mailbox_; }

  // --- [executor]
  /// One turn: steps until idle, the turn's budget is used, or the life is over. True: more to do,
  /// post again. False: leave it alone, it may be gone.
  [[nodiscard]] bool drain();
  /// Exactly one envelope or one change of phase. The only way an actor ever runs.
  [[nodiscard]] Step step();

  // --- [actor]
  [[nodiscard]] ActorId id() const noexcept { return id_; }
  [[nodiscard]] const NameRef& name() const noexcept { return name_; }
  [[nodiscard]] const ActorTypePtr& type() const noexcept { return type_; }
  [[nodiscard]] bool is_client() const noexcept { return type_ == nullptr; }
  /// The type's name; "client" for clients.
  [[nodiscard]] std::string_view type_name() const noexcept;
  [[nodiscard]] ActorId parent() const noexcept { return parent_; }
  [[nodiscard]] std::uint64_t restarts() const noexcept { return history_.restarts(); }

 private:
  friend class Context;
  friend class Directory;

  // step, by what there is to do (cell.cpp)
  [[nodiscard]] Step on_signals(Signal signals);
  [[nodiscard]] Step handle(EnvelopePtr envelope);
  [[nodiscard]] bool is_stale(const Envelope& envelope);
  [[nodiscard]] bool take_fired(TimerId id);
  [[nodiscard]] Outcome receive_guarded(const Envelope& envelope);
  void take_ended_children();
  [[nodiscard]] Requests& requests();
  [[nodiscard]] Holdings& holdings();

  // beginnings and ends (cell_life.cpp)
  [[nodiscard]] Step start();
  [[nodiscard]] std::expected<std::unique_ptr<Actor>, Failure> create_guarded(Context& context);
  [[nodiscard]] Step on_failure(std::string reason);
  [[nodiscard]] Step begin_stop(EndReason reason);
  [[nodiscard]] Step continue_stop();
  [[nodiscard]] Step kill();
  [[nodiscard]] Step back_off();
  [[nodiscard]] Step park();
  [[nodiscard]] Step finish(EndReason reason);
  [[nodiscard]] Step on_idle_check();
  void arm_idle_check();
  void destroy_actor(EndReason reason) noexcept;
  void abandon_requests();
  void cancel_timers();
  void release_holdings();
  void bury(std::vector<EnvelopePtr> mail, DeadCause cause, std::string_view reason);
  void bury_one(EnvelopePtr envelope, DeadCause cause, std::string_view reason);
  void tell_watchers(EndReason reason, bool keeps_living);
  void tell_started(bool is_error, std::string_view text);
  void set_phase(Phase phase) noexcept { phase_.store(phase, std::memory_order_relaxed); }

  Runtime& runtime_;
  const std::uint32_t slot_;
  Mailbox mailbox_;

  // Constant through one life
  ActorId id_;
  NameRef name_;
  ActorTypePtr type_;
  ActorId parent_;
  Executor* executor_ = nullptr;
  std::size_t rule_ = CellOptions::no_rule;
  Duration idle_{};
  std::string config_;
  std::optional<Pattern> activated_by_;

  // [actor] only
  std::unique_ptr<Actor> actor_;
  EnvelopePtr current_;  // at the head, to be handled (again)
  std::atomic<Phase> phase_{Phase::ended};
  EndReason end_reason_ = EndReason::stopped;  // while stopping: what follows the children's end
  Duration backoff_{};
  std::string failure_;
  ActorId stopping_child_;
  TimerKey life_timer_{};  // the restart or the idle check that is due next
  ActorId tell_started_;
  bool is_draining_ = false;
  bool is_blocked_ = false;
  std::unique_ptr<Requests> requests_;
  std::unique_ptr<Holdings> holdings_;
  RestartHistory history_;
  std::uint64_t handled_at_idle_check_ = 0;

  // Guarded by watch_mutex_: who wants to know of the end, and children that ended
  std::mutex watch_mutex_;
  std::uint32_t watched_generation_ = 0;  // 0: over
  std::vector<ActorId> watchers_;
  std::vector<ActorId> ended_children_;
};

}  // namespace backstage
