/// Actor, its factory and its type: what plugins (and clients) are to the engine.
#pragma once
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "core/envelope.hpp"
#include "core/supervision.hpp"
#include "core/values/limits.hpp"

namespace backstage {

/// Why a handler could not do its work; the text goes to logs, dead letters and supervisors.
struct Failure {
  std::string reason;
};

enum class Handled : std::uint8_t {
  done,   ///< next message, please
  stop,   ///< done, and stop me
  again,  ///< not now: keep this message at the head until Cell::resume (clients under pressure)
};
using Outcome = std::expected<Handled, Failure>;

enum class EndReason : std::uint8_t {
  stopped,  ///< asked to stop, or stopped itself
  drained,  ///< asked to drain, and has
  killed,
  failed,      ///< a failure; a restart follows, unless the actor is temporary
  recycled,    ///< made anew because a sibling failed
  parked,      ///< failed too often
  passivated,  ///< idle for its rule's time
  shutdown,    ///< the engine stops
  slow_consumer,
  disconnected,  ///< (clients) the peer is gone
  abandoned,     ///< killed, and its handler did not return
};
[[nodiscard]] std::string_view token(EndReason reason) noexcept;

/// A handler of messages. The engine calls one function at a time, never two; threads may differ
/// from call to call. A thrown exception is a Failure.
class Actor {
 public:
  virtual ~Actor() = default;
  /// `envelope` is borrowed for the call; copy its payload to keep it. [actor]
  [[nodiscard]] virtual Outcome receive(Context& context, const Envelope& envelope) = 0;
  /// Always called once before destruction. Sends still work; requests do not. [actor]
  virtual void ended(Context& context, EndReason reason) noexcept = 0;
  /// A publish of the very thread that runs this client, while no mail waits for it: to be taken in
  /// the publisher's turn, without the way through the mailbox. It counts as handled. False: not
  /// now, let it come by the mailbox. Called with the address's lock held: what publishes,
  /// subscribes or ends anybody is not to be called. Clients only. [executor]
  [[nodiscard]] virtual bool hear_now(const Envelope& envelope) noexcept {
    (void)envelope;
    return false;
  }
};

class ActorFactory {
 public:
  virtual ~ActorFactory() = default;
  /// Makes one actor in its own first turn; `config` is the spawn's text. [actor]
  [[nodiscard]] virtual std::expected<std::unique_ptr<Actor>, Failure> create(
      Context& context, std::string_view config) = 0;
};

/// Where a type's actors run.
enum class Dispatcher : std::uint8_t {
  pool,
  pinned,  ///< each on a thread of its own, for blocking code
};

/// What a plugin registers, with what config says about it. Immutable once registered; kept alive
/// by each of its actors.
struct ActorType {
  std::string name;
  std::shared_ptr<ActorFactory> factory;
  MailboxLimits mailbox;
  Overflow overflow = Overflow::reject;
  Supervision supervision;
  Dispatcher dispatcher = Dispatcher::pool;
  /// A turn longer than this is told of as hung; zero: never.
  Duration turn_budget = turn_budget_default;
};
/// Shared by the registry and every living actor of the type, so that code outlives its actors.
using ActorTypePtr = std::shared_ptr<const ActorType>;

}  // namespace backstage
