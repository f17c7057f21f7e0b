/// Engine: the facade. Owns the runtime's parts and wires them; its verbs are for the daemon.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/activations.hpp"
#include "core/actor.hpp"
#include "core/context.hpp"
#include "core/dead_letters.hpp"
#include "core/executor.hpp"
#include "core/explain.hpp"
#include "core/faults.hpp"
#include "core/ledger.hpp"
#include "core/mailbox.hpp"
#include "core/observer.hpp"
#include "core/replay.hpp"

namespace backstage {

/// The world, injected. All must outlive the engine.
struct World {
  Clock& clock;
  Executor& executor;  ///< runs hosted actors
  Alarm& alarm;
  Faults& faults;
  Observer& observer;
  std::uint64_t seed = 0;  ///< of the jitter between restarts
  /// Threads for types of Dispatcher::pinned; null: the executor runs them too.
  Executors* pinned = nullptr;
};

/// One actor, as seen from outside. A copy.
struct ActorInfo {
  ActorId id;
  std::string name;
  std::string type;   ///< "client" for sessions
  std::string phase;  ///< starting running backing_off stopping parked
  std::string parent;
  std::uint64_t restarts = 0;
  Ledger ledger;
};

struct RetainedValue {
  std::uint64_t seq = 0;
  std::string sender;
  std::string type;
  Payload payload;
};

struct EngineStats {
  std::uint64_t actors = 0;
  std::uint64_t topics = 0;
  std::uint64_t subscriptions = 0;
  std::uint64_t timers = 0;
  std::uint64_t retained_bytes = 0;
  std::uint64_t dead_letters = 0;  ///< kept now
  std::uint64_t activated = 0;     ///< living actors that rules made
  Ledger ledger;
};

class Engine {
 public:
  Engine(const World& world, const Limits& limits);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // --- Types and rules.
  /// Errors: name_in_use, bad_name, bad_arg (supervision or mailbox out of range). [any]
  [[nodiscard]] Result<void> add_type(ActorTypePtr type);
  [[nodiscard]] Result<void> add_type(ActorType type);
  /// New spawns of it are refused; living actors keep it. Errors: no_type. [any]
  [[nodiscard]] Result<void> remove_type(std::string_view name);
  /// The type of that name is another one for new spawns; living actors stay what they are.
  /// Errors: no_type, bad_arg. [any]
  [[nodiscard]] Result<void> replace_type(ActorTypePtr type);
  /// Has the actor's self give way to one of `type`, in a turn of its own. See core/succession.hpp.
  /// Errors: no_actor: `succession` is not told. [any]
  [[nodiscard]] Result<void> succeed(ActorId id, std::shared_ptr<Succession> succession,
                                     ActorTypePtr type, SuccessionTime when);
  /// It is not to happen any more; `succession` is told, unless it has been. [any]
  void call_off(ActorId id, const Succession& succession);
  /// The living actors whose present type is `type`. [any]
  [[nodiscard]] std::vector<ActorId> actors_of(const ActorType& type) const;
  [[nodiscard]] std::vector<ActorTypePtr> types() const;
  /// Errors: bad_arg. [main] before messages flow.
  [[nodiscard]] Result<void> add_activation(ActivationRule rule);

  // --- Actors.
  /// As Context::spawn, without a parent; names beginning with '$' are allowed here. [any]
  [[nodiscard]] Result<Spawned> spawn(const SpawnRequest& request);
  /// A client: a cell run by `executor`, whose mailbox is its session's. The type's name shows as
  /// "client". Errors: name_in_use, bad_name, actors_full, stopping. [any]
  [[nodiscard]] Result<Cell*> attach(std::string_view name, std::unique_ptr<Actor> actor,
                                     Executor& executor, const Mailbox::Options& mailbox);
  /// What a client may do, from its executor's thread. Valid while the cell lives.
  [[nodiscard]] Context context_of(Cell& cell) noexcept;
  /// As Context::stop. Errors: no_actor, bad_arg (negative deadline). [any]
  [[nodiscard]] Result<void> stop(ActorId id, StopVerb verb,
                                  std::optional<Duration> deadline = std::nullopt);
  /// Makes a parked actor anew, with its mail and a fresh budget. Errors: no_actor, bad_arg (it is
  /// not parked). [any]
  [[nodiscard]] Result<void> unpark(ActorId id);
  /// Who holds a name now. Errors: no_actor. [any]
  [[nodiscard]] Result<ActorId> find(std::string_view name) const;
  [[nodiscard]] bool is_client(ActorId id) const;

  // --- Messages from outside any actor. [any]
  /// `to` an id: as above, without activation.
  [[nodiscard]] Result<MessageId> send(ActorId to, Message message, std::string_view from = {});
  /// `from` is shown as the sender. Errors: as Context::send.
  [[nodiscard]] Result<MessageId> send(std::string_view to, Message message,
                                       std::string_view from = {});
  [[nodiscard]] Result<Published> publish(const Address& address, const Message& message,
                                          std::string_view from, PublishOptions options = {});
  /// The dead letters that `query` takes, again. See core/replay.hpp.
  [[nodiscard]] ReplayReport replay(const LetterQuery& query);
  /// Errors: no_value. [any]
  [[nodiscard]] Result<RetainedValue> retained(const Address& address) const;

  // --- Queries: copies. [any]
  [[nodiscard]] EngineStats stats() const;
  [[nodiscard]] std::vector<ActorInfo> actors() const;
  /// In the order of their burial.
  [[nodiscard]] std::vector<DeadLetter> dead_letters(const LetterQuery& query = {}) const;
  [[nodiscard]] LetterCounts letter_counts(DeadCause cause) const;
  /// Forgets them. Returns how many.
  std::uint64_t drop_letters(const LetterQuery& query);
  /// See core/explain.hpp.
  [[nodiscard]] NameFacts explain(std::string_view name) const;
  [[nodiscard]] AddressFacts explain(const Address& address) const;
  [[nodiscard]] MessageFacts explain(MessageId id) const;

  // --- Time. Fires what is due; returns when the next timer is. One caller at a time.
  TimePoint fire_due(TimePoint now);
  /// The deadline of a request that was made with is_timed=false has come: it is answered with a
  /// timeout, unless it was answered. [any]
  void time_out(RequestRef request);

  // --- The end, in this order. [main]
  /// No new actors; sends from outside are refused.
  void close_intake() noexcept;
  /// Nothing queued and nothing running among hosted actors, at this moment.
  [[nodiscard]] bool is_quiet() const;
  /// Asks every hosted root actor to stop; children go first.
  void stop_all();
  [[nodiscard]] std::size_t hosted_actors() const;

 private:
  std::unique_ptr<Runtime> runtime_;
};

}  // namespace backstage
