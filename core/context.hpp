/// Context: all that a running actor may do. The only thing an actor holds of the engine, and only
/// during a call.
///
/// Every verb is [actor]: from inside the actor's own turn, or (clients) from the thread of the
/// client's executor. No verb blocks; each answers at once. Views are borrowed for the call.
#pragma once
#include <optional>
#include <string_view>

#include "core/actor.hpp"
#include "core/clock.hpp"
#include "core/ids.hpp"
#include "core/values/names.hpp"
#include "core/values/pattern.hpp"
#include "core/values/result.hpp"

namespace backstage {

struct PublishOptions {
  bool retain = false;  ///< keep as the address's last value
};
/// A publish got its sequence number and was offered to every match.
struct Published {
  std::uint64_t seq = 0;
  std::uint32_t matched = 0;  ///< deliveries tried
  std::uint32_t full = 0;     ///< of those, refused by a full mailbox
};

struct SubscribeOptions {
  Overflow overflow = Overflow::reject;
  bool snapshot = false;  ///< the retained value first (is_snapshot), then live, no gap, no double
};
struct Subscribed {
  SubscriptionId id{};
  std::optional<std::uint64_t> seq;  ///< of a concrete address: live messages have a higher one
  bool existed = false;              ///< same pattern again: options updated, same id
};

struct SpawnRequest {
  std::string_view type;
  std::string_view name;
  std::string_view config{};
  bool as_child = false;
  bool tell_started = false;  ///< a Kind::started comes back when it runs, or failed to
};
struct Spawned {
  ActorId id;
  bool existed = false;
};

class Context {
 public:
  Context(Runtime& runtime, Cell& cell) noexcept : runtime_(runtime), cell_(cell) {}

  [[nodiscard]] ActorId self() const noexcept;
  [[nodiscard]] std::string_view name() const noexcept;
  [[nodiscard]] TimePoint now() const noexcept;

  // --- Messages.
  /// Finds a name; an activation rule that matches makes the actor. Errors: no_actor, bad_name,
  /// activation_limit, actors_full, stopping.
  [[nodiscard]] Result<ActorId> resolve(std::string_view name);
  /// Errors: no_actor, mailbox_full, stopping, parked, too_large, and those of resolve.
  [[nodiscard]] Result<MessageId> send(ActorId to, Message message);
  [[nodiscard]] Result<MessageId> send(std::string_view to, Message message);
  /// Exactly one Kind::reply with this id follows: the answer, or an error (timeout, actor_failed).
  /// Errors: as send, requests_full, bad_arg (deadline not in 1 ns..request_deadline_max).
  [[nodiscard]] Result<RequestId> request(ActorId to, Message message,
                                          Duration deadline = request_deadline_default);
  /// Answers an open request, now or in a later turn. First answer wins. Errors: no_request.
  [[nodiscard]] Result<void> reply(RequestRef request, Message message);
  [[nodiscard]] Result<void> reply_error(RequestRef request, Errc error, std::string_view text);

  // --- Topics.
  /// On a topic of one's own. Errors: bad_addr, too_large, retained_full, topics_full.
  [[nodiscard]] Result<Published> publish(std::string_view topic, const Message& message,
                                          PublishOptions options = {});
  /// On any address; for clients, whose right to it the gateway has checked.
  [[nodiscard]] Result<Published> publish_as(const Address& address, const Message& message,
                                             PublishOptions options = {});
  /// Before or after the publisher exists. Errors: subs_full, topics_full.
  [[nodiscard]] Result<Subscribed> subscribe(const Pattern& pattern, SubscribeOptions options = {});
  /// Errors: no_sub.
  [[nodiscard]] Result<void> unsubscribe(SubscriptionId id);
  /// Tells (Kind::interest) when a pattern over one's own topics gains its first or loses its last
  /// subscription; at once for those that have some. `topics` is a topic part: "md.*". Errors:
  /// bad_addr.
  [[nodiscard]] Result<void> watch_interest(std::string_view topics);

  // --- Actors.
  /// Same name and type: the existing actor, and says so. Errors: no_type, type_mismatch,
  /// name_in_use, bad_name, reserved_name, actors_full, stopping.
  [[nodiscard]] Result<Spawned> spawn(const SpawnRequest& request);
  /// Kind::down follows, once, when the actor ends for good (also at once, for a dead id).
  /// Errors: bad_arg (too many).
  [[nodiscard]] Result<void> monitor(ActorId id);
  /// No Kind::down of it arrives after this. Errors: no_sub (not monitored, or told already).
  [[nodiscard]] Result<void> demonitor(ActorId id);
  void stop_self() noexcept;

  // --- Timers: fire as Kind::timer through the mailbox. period 0: once.
  /// Errors: timers_full, bad_arg (negative).
  [[nodiscard]] Result<TimerId> set_timer(Duration delay, Duration period = {});
  /// Nothing of it arrives after this. Errors: no_timer.
  [[nodiscard]] Result<void> cancel_timer(TimerId id);

  /// A Kind::barrier with this id comes to oneself behind all mail queued so far.
  void note_to_self(RequestId id);

 private:
  Runtime& runtime_;
  Cell& cell_;
};

}  // namespace backstage
