/// Runtime: the engine's parts as its rooms see one another, and the few acts that need several.
#pragma once
#include <array>
#include <atomic>
#include <mutex>
#include <vector>

#include "core/activations.hpp"
#include "core/dead_letters.hpp"
#include "core/directory.hpp"
#include "core/engine.hpp"
#include "core/fates.hpp"
#include "core/ledger.hpp"
#include "core/sleepers.hpp"
#include "core/timers.hpp"
#include "core/topics.hpp"
#include "core/types.hpp"

namespace backstage {

struct Runtime {
  Runtime(const World& given_world, const Limits& given_limits);

  /// One delivery: into the mailbox, and the cell posted if that woke it. Errors: no_actor,
  /// mailbox_full, stopping, parked. A delivery dropped by policy is no error. [any]
  Result<void> deliver(ActorId to, EnvelopePtr envelope);
  /// The end of both: into the mailbox of that cell, which is posted if that woke it. [any]
  Result<void> hand_over(Cell& cell, ActorId to, EnvelopePtr envelope);
  /// The same for data, within its caller: for what every message does.
  [[gnu::always_inline]] Result<void> deliver_data(ActorId to, EnvelopePtr envelope);
  /// As deliver, for a reply. A requester that is gone is no error. [any]
  void reply(RequestRef request, EnvelopePtr envelope);
  void reply_error(RequestRef request, Errc error, std::string_view text);
  /// Finds, or activates by name. Errors: as Context::resolve. [any]
  [[nodiscard]] Result<ActorId> resolve(std::string_view name);
  /// Spawns the actor of an activation and subscribes it. Errors: as Context::spawn. [any]
  [[nodiscard]] Result<ActorId> activate(const Activation& activation);
  struct SpawnOrigin {
    ActorId parent{};
    ActorId spawner{};  ///< who wants Kind::started
    bool is_gated = false;
    const Activation* activation = nullptr;
  };
  /// A cell that does not run yet: whoever spawned it posts it, once it knows it.
  struct Opened {
    ActorId id;
    Cell* cell = nullptr;
    bool existed = false;
    Restart restart{};
  };
  [[nodiscard]] Result<Opened> spawn(const SpawnRequest& request, const SpawnOrigin& origin);
  [[nodiscard]] Result<Opened> existing(ActorId id, const ActorType& type) const;
  /// Errors: no_actor, bad_arg. [any]
  [[nodiscard]] Result<void> stop(ActorId id, StopVerb verb, std::optional<Duration> deadline);
  /// `watcher` gets Kind::down when who holds the name ends, but for passivation. Errors: no_actor
  /// (nobody, and no rule would make one), parked: no `down` will come. [any]
  [[nodiscard]] Result<void> watch(std::string_view name, ActorId watcher);
  void unwatch(std::string_view name, ActorId watcher);
  /// A cell that has just got its name, and does not run yet, is watched by those who slept.
  void wake_watchers(std::string_view name, Cell& cell, ActorId id);
  void fire(const Due& due);
  /// Keeps what could not be handled as a dead letter. Before the books count it as one: who sees
  /// the count finds the letter. [any]
  void keep_letter(const Envelope& envelope, DeadCause cause, std::string_view target,
                   std::string_view reason);
  /// After that: answers it if it is a request, and publishes it on $dead/<cause>. [any]
  void tell_given_up(const Envelope& envelope, DeadCause cause, std::string_view target,
                     std::string_view reason, Errc answer);
  [[nodiscard]] EnvelopePtr make_envelope(Kind kind) {
    return EnvelopePtr(new Envelope(kind, next_message()));
  }
  /// A number that no message had yet. [any]
  [[nodiscard]] MessageId next_message() noexcept {
    Home* const here = Home::here();
    if (here == nullptr || here->numbers.whose != this) [[unlikely]]
      return next_message_of(here);
    const std::uint64_t next = here->numbers.given.load(std::memory_order_relaxed) + 1;
    if (next > here->numbers.last.load(std::memory_order_relaxed)) [[unlikely]] {
      return next_message_of(here);
    }
    here->numbers.given.store(next, std::memory_order_relaxed);
    return MessageId{next};
  }
  /// Whether a message has, or had, that number. [any]
  [[nodiscard]] bool is_given(MessageId id) const;
  /// Null: out of memory. For data, which can be refused; control is small and must get through.
  [[nodiscard]] EnvelopePtr try_make_envelope(Kind kind) noexcept;
  /// Data from an actor; `content` is what an Envelope is made of.
  template <class... Content>
  [[nodiscard, gnu::always_inline]] EnvelopePtr try_make_envelope(Kind kind, const Cell& sender,
                                                                  Content&&... content) noexcept;
  /// Uniform over all values; the same sequence for the same seed. [any]
  [[nodiscard]] std::uint64_t chance() noexcept;
  /// Counts a refusal that no mailbox could count. Returns it as an error.
  Refused refuse(Errc why) noexcept;
  [[nodiscard]] MessageId next_message_of(Home* here) noexcept;

  World world;
  const Limits limits;
  std::atomic<std::uint64_t> last_message{0};  // given, or in a home's block
  mutable std::mutex counters_mutex;
  std::vector<Home*> counters;  // that had a block; guarded by counters_mutex
  std::atomic<std::uint64_t> chances{0};
  std::atomic<bool> intake_closed{false};
  Activations activations;
  Sleepers sleepers;
  Types types;
  Timers timers;
  DeadLetters dead_letters;
  Fates fates;
  Topics topics;
  std::array<std::atomic<std::uint64_t>, errc_count> refused{};
  // Last: its cells use all of the above while they are destroyed.
  Directory directory;
};

}  // namespace backstage

#include "core/runtime_inline.hpp"
