/// Envelope: one message on its way into one mailbox.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/block_pool.hpp"
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
  succession,  ///< the engine's: here the actor's self gives way to another
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

/// What a mailbox links: an Envelope, or a Delivery of a Broadcast. Guarded by the mailbox that
/// holds it, but for what is constant.
struct Mail {
  Mail() = default;
  Mail(Kind given_kind, MessageId given_id) noexcept : id(given_id), kind(given_kind) {}

  Mail* next = nullptr;
  MessageId id{};
  std::uint32_t life = 0;  ///< the generation of the actor it is for, on its way into the mailbox
  std::uint32_t size = 0;  ///< of its payload, in bytes; set on its way into the mailbox
  Kind kind = Kind::send;
  bool is_delivery = false;
};

/// In the order in which they are touched: a plain send needs the first two cache lines and a bit.
struct Envelope : Mail {
  Envelope() = default;
  Envelope(Kind given_kind, MessageId given_id) noexcept : Mail(given_kind, given_id) {}
  /// Data from an actor.
  Envelope(Kind given_kind, MessageId given_id, ActorId from, const NameRef& from_name,
           Message&& message)
      : Mail(given_kind, given_id),
        sender(from),
        sender_name(from_name),
        type(message.type),
        payload(std::move(message.payload)) {}

  Envelope(Kind given_kind, MessageId given_id, ActorId from, const NameRef& from_name,
           std::string_view given_type, std::string_view body)
      : Mail(given_kind, given_id),
        sender(from),
        sender_name(from_name),
        type(given_type),
        payload(body) {}

  Overflow overflow = Overflow::reject;
  Errc error{};
  bool is_error : 1 = false;     ///< reply, started: `error` says why
  bool is_snapshot : 1 = false;  ///< publish: the retained value, given on subscribing
  bool fails_fast : 1 = false;   ///< request: does not wait while its target is made anew
  ActorId sender;
  NameRef sender_name;
  NameRef type;  ///< message type, for dispatch; may be empty
  Payload payload;

  std::uint32_t attempts = 0;
  RequestId request{};         ///< request, reply, barrier
  TimePoint deadline = never;  ///< request
  CallChain chain;             ///< request: who waits for its asker
  TimerId timer{};             ///< timer

  const Topic* topic = nullptr;  ///< publish, gap: what it was published on; lives with the engine
  SubscriptionId subscription{};
  std::uint64_t seq = 0;
  std::uint64_t seq_last = 0;  ///< gap

  // Guarded by the locked mailbox that holds it
  Envelope* prev = nullptr;
  Envelope* after = nullptr;
  std::uint64_t arrival = 0;

  /// What the receiver needs in order to answer. Valid for Kind::request.
  [[nodiscard]] RequestRef request_ref() const noexcept { return {sender, request}; }

  static void* operator new(std::size_t size) { return BlockPool<Envelope>::take(size); }
  static void operator delete(void* block) noexcept { BlockPool<Envelope>::give(block); }
};

using EnvelopePtr = std::unique_ptr<Envelope>;

}  // namespace backstage
