/// Runtime: the engine's parts as its rooms see one another, and the few acts that need several.
#pragma once
#include <array>
#include <atomic>

#include "core/activations.hpp"
#include "core/dead_letters.hpp"
#include "core/directory.hpp"
#include "core/engine.hpp"
#include "core/ledger.hpp"
#include "core/timers.hpp"
#include "core/topics.hpp"
#include "core/types.hpp"

namespace backstage {

struct Runtime {
  Runtime(const World& given_world, const Limits& given_limits);

  /// One delivery: into the mailbox, and the cell posted if that woke it. Errors: no_actor,
  /// mailbox_full, stopping, parked. A delivery dropped by policy is no error. [any]
  Result<void> deliver(ActorId to, EnvelopePtr envelope);
  /// As deliver, for a reply. A requester that is gone is no error. [any]
  void reply(RequestRef request, EnvelopePtr envelope);
  void reply_error(RequestRef request, Errc error, std::string_view text);
  /// Finds, or activates by name. Errors: as Context::resolve. [any]
  [[nodiscard]] Result<ActorId> resolve(std::string_view name);
  /// Spawns the actor of an activation and subscribes it. Errors: as Context::spawn. [any]
  [[nodiscard]] Result<ActorId> activate(const Activation& activation);
  [[nodiscard]] Result<Spawned> spawn(const SpawnRequest& request, ActorId parent, ActorId spawner,
                                      const Activation* activation);
  [[nodiscard]] Result<Spawned> existing(ActorId id, const ActorType& type) const;
  void fire(const Due& due);
  /// Keeps a dead letter and publishes it on $dead/<cause>. [any]
  void bury(EnvelopePtr envelope, DeadCause cause, std::string_view target,
            std::string_view reason);
  [[nodiscard]] EnvelopePtr make_envelope(Kind kind);
  /// Counts a refusal that no mailbox could count. Returns it as an error.
  Refused refuse(Errc why) noexcept;
  void fold(const Ledger& ledger);
  [[nodiscard]] Ledger folded() const;

  World world;
  const Limits limits;
  std::atomic<std::uint64_t> last_message{0};
  std::atomic<bool> intake_closed{false};
  Activations activations;
  Types types;
  Timers timers;
  DeadLetters dead_letters;
  Topics topics;
  std::array<std::atomic<std::uint64_t>, errc_count> refused{};
  mutable std::mutex folded_mutex;
  Ledger folded_ledger;  // of lives that are over; guarded by folded_mutex
  // Last: its cells use all of the above while they are destroyed.
  Directory directory;
};

}  // namespace backstage
