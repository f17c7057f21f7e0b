/// Topics: addresses with their sequence numbers and last values, and who subscribes to them.
///
/// A publish holds its address's mutex until every match has it, so that each subscriber sees an
/// address's sequence numbers in order whoever publishes. Lock order: Topic::mutex, then
/// Topics::mutex_, then mailboxes (leaves). Cells woken under a lock are posted after it.
///
/// What a publish reaches is made once and kept until a subscription that matches comes or goes: an
/// exact one makes its own address look again, one by wildcard every address, at the cost of a walk
/// of the trie.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/activations.hpp"
#include "core/broadcast.hpp"
#include "core/context.hpp"
#include "core/directory.hpp"
#include "core/engine.hpp"
#include "core/interest.hpp"
#include "core/subscriptions.hpp"

namespace backstage {

struct Retained {
  std::uint64_t seq = 0;
  NameRef sender;
  std::string type;
  Payload payload;
};

/// One address. Made on first use, kept as long as the engine: its numbers must go on.
struct Topic {
  explicit Topic(Address given) : address(std::move(given)) {}
  const Address address;
  /// The table's version that last changed a subscription of just this address. Written with
  /// Topics::mutex_ held.
  std::atomic<std::uint64_t> exact_changed{0};
  std::mutex mutex;
  // Guarded by mutex
  std::uint64_t seq = 0;
  std::unique_ptr<Retained> retained;  ///< null: no value
  std::uint64_t version = 0;           ///< of the table, up to which `matched` is right
  std::uint64_t made = 0;              ///< of the table when `matched` was made
  std::uint32_t groups = 0;            ///< the patterns it was made of
  bool may_retain = false;             ///< it is among Topics::retaining_
  std::vector<Subscription> matched;
  std::vector<std::uint64_t> caught_up;  ///< births after `version` that have their snapshot
  /// By the rules it matches; null: nobody has looked yet.
  std::unique_ptr<std::vector<std::pair<Activation, ActorId>>> activated;
};

class Topics {
 public:
  Topics(Runtime& runtime, const Limits& limits) : runtime_(runtime), limits_(limits) {}

  struct Publication {
    ActorId sender;
    NameRef sender_name;
    const Message* message;
    PublishOptions options;
  };
  /// Errors: topics_full, retained_full, too_large. [any]
  [[nodiscard]] Result<Published> publish(const Address& address, const Publication& publication);
  [[nodiscard]] Result<Published> publish(Topic& topic, const Publication& publication);
  /// Errors: topics_full. [any]
  [[nodiscard]] Result<Topic*> find_or_make(const Address& address);
  /// {}: it has none of that pattern. [any]
  [[nodiscard]] SubscriptionId id_of(ActorId subscriber, const Pattern& pattern) const;
  /// `known` is the id of the same subscriber's subscription of the same pattern, if it has one.
  /// Errors: topics_full. [subscriber's executor]
  [[nodiscard]] Result<Subscribed> subscribe(Cell& subscriber, SubscriptionId known,
                                             const Pattern& pattern, SubscribeOptions options);
  /// Of an actor that was just activated, on its behalf; again is no error. Its cell drops it when
  /// it ends. Errors: topics_full. [any]
  [[nodiscard]] Result<void> subscribe_for(ActorId subscriber, const Pattern& pattern);
  void unsubscribe(SubscriptionId id, const Pattern& pattern);
  void drop(ActorId subscriber, const Pattern& pattern);
  /// All of an actor that is over: its own and those made on its behalf.
  void drop_everywhere(ActorId gone);
  [[nodiscard]] Result<RetainedValue> retained(const Address& address) const;

  /// An address as it stands, and up to `listed_max` of the subscriptions that match it.
  struct View {
    bool is_known = false;  ///< it was published on, or a subscription names just it
    std::uint64_t seq = 0;
    std::optional<Retained> retained;
    std::uint64_t subscriptions = 0;
    std::vector<std::pair<Pattern, Subscription>> listed;
  };
  [[nodiscard]] View view(const Address& address, std::size_t listed_max) const;
  /// Null: it is not known. Topics live as long as the engine. [any]
  [[nodiscard]] Topic* find(std::string_view address) const;

  void watch_interest(ActorId watcher, const Pattern& pattern);
  void forget_watcher(ActorId watcher);

  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] std::uint64_t subscriptions() const;
  [[nodiscard]] std::uint64_t retained_bytes() const noexcept {
    return retained_bytes_.load(std::memory_order_relaxed);
  }

 private:
  using Woken = std::vector<Cell*>;

  [[nodiscard]] std::vector<Topic*> retaining(const Pattern& pattern) const;

  // With the topic's mutex held
  [[nodiscard]] std::vector<Activation> missing_actors(Topic& topic) const;
  void rematch(Topic& topic, Woken& woken);
  void catch_up(Topic& topic, Subscription subscription, Woken& woken);
  void give_snapshot(Topic& topic, const Subscription& subscription, Woken& woken);
  void note_retaining(Topic& topic);
  [[nodiscard]] Result<void> retain(Topic& topic, const Publication& publication);
  [[nodiscard]] Published fan_out(Topic& topic, const Publication& publication, Woken& woken,
                                  std::vector<ActorId>& gone);
  /// Clients of the thread that publishes.
  [[nodiscard]] static bool hear_now(Topic& topic, const Publication& publication,
                                     const Subscription& subscription,
                                     std::optional<Envelope>& said);
  enum class Offered : std::uint8_t { no, in, full };
  [[nodiscard, gnu::always_inline]] Offered offer_data(const Subscription& subscription,
                                                       Broadcast& broadcast, std::uint32_t& used,
                                                       Home& here, Woken& woken);
  [[nodiscard]] PushResult offer(Topic& topic, const Subscription& subscription,
                                 Broadcast* broadcast, std::uint32_t& used, Woken& woken);
  [[nodiscard, gnu::always_inline]] DeliveryPtr try_make_delivery(
      Broadcast& broadcast, const Subscription& subscription) noexcept;
  [[nodiscard]] PushResult refuse_for_memory() noexcept;
  [[nodiscard]] PushResult offer_alone(Topic& topic, const Subscription& subscription,
                                       const Delivery& delivery, Woken& woken);
  [[nodiscard]] PushResult offer(Topic& topic, const Subscription& subscription,
                                 EnvelopePtr envelope, Woken& woken);

  void activate(Topic& topic, const std::vector<Activation>& missing);
  [[nodiscard]] Subscription insert(const Subscription& subscription, const Pattern& pattern,
                                    Woken& woken);
  // With mutex_ held
  void on_changed(const Subscriptions::Change& change, const Pattern& pattern, bool has_interest,
                  Woken& woken);
  void tell(ActorId watcher, const Pattern& pattern, bool has_interest, Woken& woken);

  static void post_all(const Woken& woken);

  Runtime& runtime_;
  const Limits& limits_;
  std::atomic<std::uint64_t> retained_bytes_{0};
  std::atomic<std::uint64_t> wildcards_changed_{0};  // table_'s version; written with mutex_ held
  mutable std::shared_mutex mutex_;
  // Guarded by mutex_
  // By their addresses. Only looked up: its order is a hash's.
  std::unordered_map<std::string_view, std::unique_ptr<Topic>> topics_;
  std::map<std::string_view, Topic*> retaining_;  // that have a last value, or are about to
  Subscriptions table_;
  Interest interest_;
};

}  // namespace backstage
