/// Envelope: one message on its way into one mailbox.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "core/call_chain.hpp"
#include "core/clock.hpp"
#include "core/fwd.hpp"
#include "core/ids.hpp"
#include "core/name_ref.hpp"
#include "core/values/errc.hpp"
#include "core/values/payload.hpp"

namespace backstage {

enum class Kind : std::uint8_t {
  // Data: bounded by the mailbox's budget, subject to its overflow policy.
  send,
  publish,
  request,
  // Control: has room reserved, is never evicted. Bounded where it is caused.
  reply,     ///< answers `request`; with `error` when `is_error`
  timer,     ///< `timer` fired
  down,      ///< a monitored actor ended; `sender` is it, payload is the reason's token
  interest,  ///< `pattern` (payload) gained its first or lost its last subscription (`seq` 1 or 0)
  started,   ///< a spawn asked to tell: the actor `sender` runs, or (`is_error`) failed to
  gap,       ///< `topic` seq..seq_last were not delivered; payload is the reason's token
  barrier,   ///< an actor's note to itself, in arrival order with its mail (`request` says which)
};
[[nodiscard]] constexpr bool is_data(Kind kind) noexcept { return kind <= Kind::request; }
/// Deliveries in the ledger's sense; gaps and barriers are the mailbox's own notes.
[[nodiscard]] constexpr bool is_counted(Kind kind) noexcept { return kind < Kind::gap; }
[[nodiscard]] std::string_view name_of(Kind kind) noexcept;

/// What happens to data that finds a mailbox full.
enum class Overflow : std::uint8_t {
  reject,       ///< the sender is refused with mailbox_full
  drop_newest,  ///< the arriving message is dropped and counted
  drop_oldest,  ///< the oldest droppable message is dropped and counted
  conflate,     ///< always, full or not: only the newest publish of each address is kept
  kick,         ///< (clients) the session is ended as slow_consumer
};

[[nodiscard]] std::string_view name_of(Overflow overflow) noexcept;

/// A message as a caller gives it. Views are borrowed for the call.
struct Message {
  std::string_view type;
  Payload payload;
};

struct Envelope {
  MessageId id{};
  Kind kind = Kind::send;
  bool is_error = false;  ///< reply, started: `error` says why
  Errc error{};
  bool is_snapshot = false;  ///< publish: the retained value, given on subscribing
  Overflow overflow = Overflow::reject;
  std::uint32_t attempts = 0;
  ActorId sender;
  NameRef sender_name;
  std::string type;  ///< message type, for dispatch; may be empty
  Payload payload;

  RequestId request{};         ///< request, reply, barrier
  TimePoint deadline = never;  ///< request
  CallChain chain;             ///< request: who waits for its asker
  bool fails_fast = false;     ///< request: does not wait while its target is made anew

  TimerId timer{};  ///< timer

  const Topic* topic = nullptr;  ///< publish, gap: what it was published on; lives with the engine
  SubscriptionId subscription{};
  std::uint64_t seq = 0;
  std::uint64_t seq_last = 0;  ///< gap

  /// What the receiver needs in order to answer. Valid for Kind::request.
  [[nodiscard]] RequestRef request_ref() const noexcept { return {sender, request}; }

  // Guarded by the mailbox that holds it.
  Envelope* prev = nullptr;
  Envelope* next = nullptr;
  std::uint64_t arrival = 0;

  static void* operator new(std::size_t size);
  static void operator delete(void* block) noexcept;
};

using EnvelopePtr = std::unique_ptr<Envelope>;

}  // namespace backstage
