/// Cell: one live actor inside the engine: mailbox, lifecycle and the actor object.
///
/// The corridor every message takes: accept -> drain -> step -> Actor::receive. Production and
/// simulation call the same step. Cells are kept by the Directory and reused; an ActorId of an
/// earlier life is refused by the mailbox.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/actor.hpp"
#include "core/call_chain.hpp"
#include "core/fwd.hpp"
#include "core/mailbox.hpp"
#include "core/observer.hpp"
#include "core/on_use.hpp"
#include "core/requests.hpp"
#include "core/spin_lock.hpp"
#include "core/succession.hpp"
#include "core/supervisor.hpp"
#include "core/values/pattern.hpp"
#include "core/values/result.hpp"

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
  asleep,  ///< nothing to do, and the owner sleeps: the cell may be posted to another thread
           ///< already
  ended,   ///< the life is over: do not touch the cell again
};

/// What an actor holds of the engine beyond its mailbox; made on first use. [actor]
struct Holdings {
  Supervisor supervisor;  ///< of its children
  struct Group {          ///< children that start all or none
    ActorId first;        ///< names the group to who made it
    std::vector<ActorId> members;
    std::vector<ActorId> waiting;  ///< members that have no self yet
  };
  std::vector<Group> groups;  // those not all created yet
  struct Timer {
    TimerKey key;
    Duration period;
    TimePoint due;
    bool is_of_beginning;  ///< set while its self was made
  };
  std::map<TimerId, Timer> timers;
  std::vector<ActorId> watching;
  std::uint64_t last_timer = 0;
  std::set<std::string> interests;  ///< patterns over its own topics that it watches
  std::set<std::string, std::less<>> watched_names;
};

/// What became of an actor's failures. [actor]
struct Troubles {
  std::string reason;  ///< of the last one
  Backoff backoff;
  Duration wait{};         ///< before the next self
  RestartHistory history;  ///< of an actor without supervisor
};

/// An actor's last failure, for those who ask. A copy.
struct Trouble {
  std::string reason;
  TimePoint failed_at{};
  TimePoint since{};      ///< it backs off, or is parked
  TimePoint next_self{};  ///< `never`: somebody has to say so
};

/// What a cell is made with.
struct CellOptions {
  std::string_view name;
  ActorTypePtr type;
  std::string_view config;
  ActorId parent;
  Executor* executor = nullptr;
  Mailbox::Options mailbox;
  Restart restart = Restart::transient;
  std::unique_ptr<Actor> actor;  ///< clients bring theirs; hosted actors are made by their type
  ActorId tell_started;          ///< who wants Kind::started
  bool is_gated = false;         ///< one of a group: runs once all of it are created
  std::size_t rule = no_rule;
  Duration idle{};
  static constexpr std::size_t no_rule = static_cast<std::size_t>(-1);
};

/// What became of a child, for its supervisor.
struct ChildEvent {
  enum class What : std::uint8_t {
    created,  ///< (of a group) it has been made and waits for the others
    started,  ///< it runs
    failed,   ///< it has no self and waits for an order
    down,     ///< it was recycled and waits for an order
    ended,    ///< for good
  };
  What what;
  ActorId child;
};

class alignas(64) Cell {
 public:
  Cell(Runtime& runtime, std::uint32_t slot) noexcept;
  Cell(const Cell&) = delete;
  Cell& operator=(const Cell&) = delete;
  ~Cell();

  /// Begins a life under `generation`. The caller then makes it known and posts it. [Directory]
  /// What it no longer needs of its last life is left in `options`: not to be freed under a lock.
  void open(std::uint32_t generation, CellOptions& options);

  // --- [any]
  /// Into the mailbox. If that woke the owner (woke_owner), the caller posts the cell once it holds
  /// no lock.
  [[nodiscard]] PushResult accept(EnvelopePtr& envelope, ActorId target);
  [[nodiscard]] PushResult accept(DeliveryPtr& delivery, ActorId target);
  /// As accept, for data whose size is set, from the thread that owns `here`. See
  /// Mailbox::push_data. [owner of `here`]
  [[nodiscard, gnu::always_inline]] Mailbox::Taken accept_data(Home& here, Mail& mail,
                                                               ActorId target);
  /// What Actor::hear_now says, if this client's executor is the one here and no mail waits for it.
  [[nodiscard]] bool hear_now(const Envelope& envelope, ActorId target);
  void signal(Signal signal, ActorId target);
  /// Signal::unpark, and mail is taken at once: who is told of it may send some before its turn.
  void ask_to_unpark(ActorId target);
  /// A client's oldest publishes give way to the memory of all: see LockedMailbox::shed. Returns
  /// how many bytes; all it holds, if its session ends for it.
  std::uint64_t shed(std::uint64_t bytes, ActorId target);
  /// Asks for an end (stop, drain, kill, shutdown) and sets what happens when it does not come
  /// within `deadline` (nothing: its type's): a kill, and after a kill's own deadline `abandon`.
  void ask_to_end(Signal how, std::optional<Duration> deadline, ActorId target);
  /// What ask_to_end's deadline does when it passes.
  void on_end_overdue(ActorId target);
  /// False: the target is over, or abandoned: nobody supervises `event.child`.
  [[nodiscard]] bool tell(const ChildEvent& event, ActorId target);
  /// Errors: no_actor (the target is over), parked: no `down` will come.
  [[nodiscard]] Result<void> add_watcher(ActorId watcher, ActorId target);
  void remove_watcher(ActorId watcher, ActorId target);
  /// As add_watcher, of whoever holds its name: a passivation is no end to them.
  [[nodiscard]] Result<void> add_watcher_by_name(ActorId watcher, ActorId target);
  void remove_watcher_by_name(ActorId watcher, ActorId target);
  /// What is to take over.
  struct Expected {
    std::shared_ptr<Succession> succession;
    ActorTypePtr type;
    SuccessionTime when = SuccessionTime::next_turn;
  };
  /// Notes what is to take over, and when; the caller then tells the cell. An earlier one that has
  /// not happened is settled. Errors: no_actor (the target is over, or a client).
  [[nodiscard]] Result<void> expect(Expected expected, ActorId target);
  /// What was expected and has not begun is not to happen any more, and settled. Of another
  /// succession: nothing.
  void call_off(const Succession& succession, ActorId target);
  [[nodiscard]] Executor& executor() const noexcept {
    return *executor_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] Phase phase() const noexcept { return phase_.load(std::memory_order_relaxed); }
  [[nodiscard]] const Mailbox& mailbox() const noexcept { return mailbox_; }
  /// The kind it handles at this moment, if any.
  [[nodiscard]] std::optional<Kind> handling() const noexcept;
  /// The message it handles, if handling() says that it does; else the last one it handled.
  [[nodiscard]] MessageId handled_last() const noexcept {
    return handled_last_.load(std::memory_order_relaxed);
  }
  /// Nothing: this life has not failed yet.
  [[nodiscard]] std::optional<Trouble> trouble(ActorId target) const;
  [[nodiscard]] std::uint64_t restarts() const noexcept {
    return restarts_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] ActorId parent() const noexcept { return parent_.load(std::memory_order_relaxed); }

  // --- [executor]
  /// Mailbox's, which see.
  [[nodiscard]] Mailbox::Posted post_at(Home& here) noexcept { return mailbox_.post_at(here); }
  [[nodiscard]] bool notice() noexcept { return mailbox_.notice(); }
  [[nodiscard]] Mailbox::Posted noticed(Home& here) noexcept { return mailbox_.noticed(here); }
  void move_to(Home& home) noexcept { mailbox_.move_to(home); }
  /// What a message touches of it, into the cache: it is next but one.
  void prefetch() const noexcept {
    constexpr std::size_t line = 64;
    const auto* const begin = reinterpret_cast<const char*>(this);
    for (std::size_t i = 0; i < 4; ++i) __builtin_prefetch(begin + i * line, 1);
  }
  /// One turn: steps until idle, the turn's budget is used (`steps_max`, or turn_time_max), or the
  /// life is over. True: more to do, post again. False: leave it alone, it may be gone.
  [[nodiscard]] bool drain(std::uint32_t steps_max = turn_messages_max);
  /// Exactly one envelope or one change of phase. The only way an actor ever runs.
  [[nodiscard]] Step step();

  // --- [actor]
  [[nodiscard]] ActorId id() const noexcept { return id_; }
  [[nodiscard]] const NameRef& name() const noexcept { return name_; }
  [[nodiscard]] const ActorTypePtr& type() const noexcept { return type_; }
  [[nodiscard]] bool is_client() const noexcept { return type_ == nullptr; }
  /// The type's name; "client" for clients.
  [[nodiscard]] std::string_view type_name() const noexcept;

  /// Its type at this moment, of a cell whose life cannot end meanwhile. [any]
  [[nodiscard]] ActorTypePtr type_now() const;

 private:
  friend class Context;
  friend class Directory;
  struct Uncommon;
  struct Watch;

  // step, by what there is to do (cell.cpp)
  [[nodiscard]] Step on_signals(Signal signals);
  [[nodiscard, gnu::always_inline]] Step step_hot();  // step, for drain's loop
  [[nodiscard]] Step step_by_wish(bool wants_mail, bool settles);
  [[nodiscard]] Step step_in_phase();
  [[nodiscard, gnu::always_inline]] Step handle(EnvelopePtr envelope);
  [[nodiscard, gnu::always_inline]] Step hear(DeliveryPtr delivery);
  [[nodiscard]] Step on_outcome(EnvelopePtr envelope, Outcome outcome);
  [[nodiscard]] Step on_handler_failed(EnvelopePtr envelope, std::string reason);
  [[nodiscard]] bool is_stale(Envelope& envelope);
  [[nodiscard]] bool is_stale_request(const Envelope& envelope);
  [[nodiscard]] bool take_fired(TimerId id);
  void settle_dropped(const Envelope& envelope, DropCause cause);
  [[nodiscard, gnu::always_inline]] Outcome receive_guarded(const Envelope& envelope);
  [[nodiscard, gnu::always_inline]] PushResult accept_mail(Mail& mail, ActorId target);
  void begin_answering(const Envelope& envelope);
  void end_answering() noexcept;
  /// Who waits, by way of others, for what this actor does now.
  [[nodiscard]] CallChain chain() const;
  [[nodiscard]] Requests& requests();
  [[nodiscard]] Holdings& holdings();
  [[nodiscard]] Uncommon& uncommon();
  [[nodiscard]] Troubles& troubles();
  [[nodiscard]] bool is_activated() const noexcept;
  void cancel_life_timer();

  // as a supervisor (cell_children.cpp)
  [[nodiscard]] Step take_child_events();
  [[nodiscard]] Orders orders_after(const ChildEvent& event);
  [[nodiscard]] Step carry_out(const Orders& orders);
  [[nodiscard]] Result<std::vector<ActorId>> spawn_group(std::span<const SpawnRequest> members);
  void on_group_event(const ChildEvent& event);
  [[nodiscard]] std::optional<std::size_t> group_of(ActorId child) const;
  void close_group(std::size_t index, bool is_broken);
  [[nodiscard]] Result<void> detach(ActorId child);
  [[nodiscard]] Step stop_next_child();
  void kill_children();

  // beginnings (cell_life.cpp)
  [[nodiscard]] Step start();
  [[nodiscard]] Step begin_running(bool is_open);
  [[nodiscard]] std::expected<std::unique_ptr<Actor>, Failure> create_guarded(Context& context);
  [[nodiscard]] std::string_view config_text() const noexcept;
  [[nodiscard]] Step on_failure(std::string reason);
  [[nodiscard]] Step recycle();
  [[nodiscard]] Step lose_self(EndReason reason);
  [[nodiscard]] Step after_failure();
  [[nodiscard]] Step back_off(Duration wait);
  void note_failure();
  void note_wait(TimePoint next_self);
  [[nodiscard]] Step park();
  [[nodiscard]] Step unpark();
  [[nodiscard]] Step on_orphaned();
  [[nodiscard]] bool tell_supervisor(ChildEvent::What what);
  [[nodiscard]] Step on_idle_check();
  void arm_idle_check();

  // a new self for the old one (cell_succession.cpp)
  [[nodiscard]] std::optional<Expected> take_expected();
  [[nodiscard]] bool is_expected_now() const;
  void succeed_now();
  void give_way(std::optional<Expected> expected);
  void begin_as(std::optional<Expected> expected);
  struct Marks;
  [[nodiscard]] Marks marks() const;
  void undo_since(const Marks& marks);
  void take_leave_of(const Marks& marks, bool is_heir_fresh);
  void change_type(ActorTypePtr& type);
  static void settle_unmet(std::optional<Expected> expected, ActorId who);

  // ends (cell_end.cpp)
  [[nodiscard]] Step stop_self();
  [[nodiscard]] Step begin_stop(EndReason reason);
  [[nodiscard]] Step continue_stop();
  [[nodiscard]] Step kill();
  [[nodiscard]] Step finish(EndReason reason);
  void abandon(ActorId target);
  void destroy_actor(EndReason reason) noexcept;
  void abandon_requests();
  void cancel_timers();
  void release_holdings();
  void bury(std::vector<EnvelopePtr> mail, DeadCause cause, std::string_view reason);
  void bury_one(EnvelopePtr envelope, DeadCause cause, std::string_view reason);
  void settle_left(const Envelope& envelope);
  [[nodiscard]] Result<void> add_to(std::vector<ActorId> Watch::* list, ActorId watcher,
                                    ActorId target);
  void put_watchers_to_sleep();
  void tell_watchers(EndReason reason, bool keeps_living);
  [[nodiscard]] std::vector<ActorId> take_watchers(EndReason reason);
  void tell_down(const std::vector<ActorId>& watchers, ActorId who, const NameRef& name,
                 EndReason reason);
  void tell_started(bool is_error, std::string_view text);
  void set_phase(Phase phase) noexcept { phase_.store(phase, std::memory_order_relaxed); }

  // In the order in which they are touched: a message needs the mailbox and the next cache line.
  Mailbox mailbox_;
  Runtime& runtime_;
  ActorId id_;  // the slot is for good; [actor]: constant through one life
  std::unique_ptr<Actor> actor_;
  EnvelopePtr current_;                    // at the head, to be handled (again)
  std::atomic<MessageId> handled_last_{};  // written [actor], read [any], as are the next two
  std::atomic<Phase> phase_{Phase::ended};
  std::atomic<std::uint8_t> handling_{not_handling};
  bool is_settling_ = false;  // the last envelope was handled; the next look at the mailbox says so
  bool is_draining_ = false;
  bool is_blocked_ = false;
  bool is_gated_ = false;
  bool makes_self_ = false;
  bool waits_for_order_ = false;
  Restart restart_ = Restart::transient;       // constant through one life
  EndReason end_reason_ = EndReason::stopped;  // while stopping: what follows the children's end

 public:
  // For its home's lists
  Cell* next_ready = nullptr;
  Cell* next_told = nullptr;

 private:
  // Constant through one life
  NameRef name_;
  ActorTypePtr type_;
  std::atomic<Executor*> executor_{nullptr};

  // Written [actor], read [any]
  std::atomic<std::uint32_t> restarts_{0};
  std::atomic<ActorId> parent_{nobody};

  // [actor] only
  TimePoint up_since_{};
  std::unique_ptr<Requests> requests_;
  std::unique_ptr<Holdings> holdings_;
  OnUse<std::map<SubscriptionId, Pattern>> subscriptions_;  // its own, none made on its behalf
  std::unique_ptr<Uncommon> uncommon_;                      // made on first use

  // Under it a life begins: whoever is not the actor reads id, name and type while holding it.
  mutable SpinLock lock_;
  // Guarded by lock_: who wants to know of the end, and what became of children
  std::uint32_t watched_generation_ = 0;  // 0: over
  bool end_is_kill_ = false;              // what end_timer_ waits for
  bool is_told_parked_ = false;           // watchers have been told, and go on being told so
  TimerKey end_timer_{};                  // ask_to_end's deadline
  std::unique_ptr<Watch> watch_;

  static constexpr std::uint8_t not_handling = 0xFF;
};

}  // namespace backstage
