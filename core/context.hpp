/// Context: all that a running actor may do. The only thing an actor holds of the engine, and only
/// during a call.
///
/// Every verb is [actor]: from inside the actor's own turn, or (clients) from the thread of the
/// client's executor. No verb blocks; each answers at once. Views are borrowed for the call.
#pragma once
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

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

struct RequestOptions {
  Duration deadline = request_deadline_default;
  /// Refused with actor_failed, or answered so when it is queued already, while the target waits to
  /// be made anew. Otherwise the request waits, within its deadline: one caller's bad message must
  /// not fail the requests of the others.
  bool fail_fast = false;
  /// Let it go round: A -> B -> A. The target must answer without waiting for its own request.
  bool may_cycle = false;
  /// When the deadline begins, if the caller has just looked at the clock; else it is looked at.
  std::optional<TimePoint> asked_at{};
  /// False: whoever asks calls Engine::time_out when the deadline has come.
  bool is_timed = true;
};

struct SpawnRequest {
  std::string_view type;
  std::string_view name;
  std::string_view config{};
  bool as_child = false;
  bool tell_started = false;  ///< a Kind::started comes back when it runs, or failed to
  // Instead of what the type says:
  std::optional<MailboxLimits> mailbox{};
  std::optional<Overflow> overflow{};
  std::optional<Restart> restart{};
};
struct Spawned {
  ActorId id;
  bool existed = false;
};

/// stop: finish this message. drain: handle what is queued. kill: as stop, waiting for no children.
enum class StopVerb : std::uint8_t { stop, drain, kill };

class Context {
 public:
  Context(Runtime& runtime, Cell& cell) noexcept : runtime_(runtime), cell_(cell) {}

  [[nodiscard]] ActorId self() const noexcept;
  [[nodiscard]] std::string_view name() const noexcept;
  [[nodiscard]] TimePoint now() const noexcept;

  // --- Messages.
  /// Finds a name; an activation rule that matches makes the actor. Errors: no_actor, bad_name,
  /// activation_limit, actors_full, threads_full, stopping.
  [[nodiscard]] Result<ActorId> resolve(std::string_view name);
  /// What was resolved still holds its name, and takes mail.
  [[nodiscard]] bool is_alive(ActorId id) const;
  /// Errors: no_actor, mailbox_full, stopping, parked, too_large, and those of resolve.
  [[nodiscard]] Result<MessageId> send(ActorId to, Message message);
  [[nodiscard]] Result<MessageId> send(std::string_view to, Message message);
  /// The same, of bytes that are copied once, into the message itself.
  [[nodiscard]] Result<MessageId> send(ActorId to, std::string_view type, std::string_view body);
  /// Exactly one Kind::reply with this id follows: the answer, or an error (timeout, actor_failed,
  /// parked). Errors: as send, requests_full, bad_arg (deadline not in 1 ns..request_deadline_max),
  /// call_cycle (the target waits for this very answer, or the chain is CallChain::depth_max long).
  [[nodiscard]] Result<RequestId> request(ActorId to, Message message,
                                          const RequestOptions& options = {});
  [[nodiscard]] Result<RequestId> request(ActorId to, Message message, Duration deadline) {
    return request(to, std::move(message), RequestOptions{.deadline = deadline});
  }
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
  /// The topic of an address, made if need be; for who publishes there again and again. It lives as
  /// long as the engine. Errors: topics_full.
  [[nodiscard]] Result<Topic*> topic_at(const Address& address);
  [[nodiscard]] Result<Published> publish_on(Topic& topic, const Message& message,
                                             PublishOptions options = {});
  /// Before or after the publisher exists. Errors: subs_full, topics_full.
  [[nodiscard]] Result<Subscribed> subscribe(const Pattern& pattern, SubscribeOptions options = {});
  /// Its subscription of just that pattern; {}: there is none.
  [[nodiscard]] SubscriptionId subscription_of(const Pattern& pattern) const;
  /// Errors: no_sub.
  [[nodiscard]] Result<void> unsubscribe(SubscriptionId id);
  // For clients, whose losses are noted; of others nothing happens.
  /// Its mail waits in the mailbox, within its bounds, without holding up other mail.
  void hold_back(SubscriptionId id);
  /// It comes again, in its order, once the cell has its next turn.
  void let_through(SubscriptionId id);
  /// What waits of it is dropped, and noted as a loss.
  void lose_all_of(SubscriptionId id);
  /// Tells (Kind::interest) when a pattern over one's own topics gains its first or loses its last
  /// subscription; at once for those that have some. `topics` is a topic part: "md.*". Errors:
  /// bad_addr, subs_full.
  [[nodiscard]] Result<void> watch_interest(std::string_view topics);

  // --- Actors.
  /// Same name and type: the existing actor, and says so (it is not adopted as a child). Errors:
  /// no_type, type_mismatch, name_in_use, bad_name, reserved_name, actors_full, threads_full,
  /// stopping, bad_arg (a mailbox of no messages or bytes; a client's child).
  [[nodiscard]] Result<Spawned> spawn(const SpawnRequest& request);
  /// Children that start all or none: none handles a message before every one is created. One
  /// Kind::started follows (`sender` is the first): they run, or (`is_error`) one could not be
  /// created and the others were ended. Errors: as spawn, name_in_use (one exists): then none was
  /// made.
  [[nodiscard]] Result<std::vector<ActorId>> spawn_group(std::span<const SpawnRequest> members);
  /// The child lives on without a supervisor, as if it had been spawned at the root. Errors:
  /// no_actor (no child of this actor).
  [[nodiscard]] Result<void> detach(ActorId child);
  /// Asks an actor to end. When it has not within `deadline` (nothing: its type's stop_deadline;
  /// for drain drain_deadline_default) it is killed; one whose handler does not return within
  /// kill_deadline after that is abandoned. Errors: no_actor, bad_arg (negative deadline).
  [[nodiscard]] Result<void> stop(ActorId id, StopVerb verb,
                                  std::optional<Duration> deadline = std::nullopt);
  /// Kind::down follows, once, when the actor ends for good or is parked; at once for one that is
  /// over or parked already.
  /// Errors: bad_arg (too many).
  [[nodiscard]] Result<void> monitor(ActorId id);
  /// No Kind::down of it arrives after this. Errors: no_sub (not monitored, or told already).
  [[nodiscard]] Result<void> demonitor(ActorId id);
  /// As monitor, of whoever holds a name: passivation is no end, and the watch goes on with the
  /// next that gets the name. While a rule would make an actor but nobody has needed it, it waits.
  /// Errors: no_actor (nobody, and no rule), parked: no Kind::down follows; subs_full (too many).
  [[nodiscard]] Result<void> watch(std::string_view name);
  /// No Kind::down of it arrives after this. Errors: no_sub (not watched, or told already).
  [[nodiscard]] Result<void> unwatch(std::string_view name);
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
