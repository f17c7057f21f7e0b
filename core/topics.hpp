/// Topics: addresses with their sequence numbers and last values, and who subscribes to them.
///
/// A publish holds its address's mutex until every match has it, so that each subscriber sees an
/// address's sequence numbers in order whoever publishes. Lock order: Topic::mutex, then
/// Topics::mutex_, then mailboxes (leaves). Cells woken by a publish are posted after its locks.
#pragma once
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "core/activations.hpp"
#include "core/context.hpp"
#include "core/directory.hpp"
#include "core/engine.hpp"

namespace backstage {

struct Subscription {
  SubscriptionId id{};
  ActorId subscriber;
  Cell* cell = nullptr;
  bool is_client = false;
  Overflow overflow = Overflow::reject;
  bool snapshot = false;
  std::uint64_t born = 0;  ///< the table's version that first had it
};

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
  std::mutex mutex;
  // Guarded by mutex
  std::uint64_t seq = 0;
  std::optional<Retained> retained;
  std::uint64_t version = 0;  ///< of the table when `matched` was made
  std::vector<Subscription> matched;
  std::optional<std::vector<std::pair<Activation, ActorId>>> activated;  // by the rules it matches
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
  /// `known` is the id of the same subscriber's subscription of the same pattern, if it has one.
  /// Errors: topics_full. [subscriber's executor]
  [[nodiscard]] Result<Subscribed> subscribe(Cell& subscriber, SubscriptionId known,
                                             const Pattern& pattern, SubscribeOptions options);
  /// Of an actor that was just activated, on its behalf; again is no error. Its cell drops it when
  /// it ends. Errors: topics_full. [any]
  [[nodiscard]] Result<void> subscribe_for(ActorId subscriber, const Pattern& pattern);
  void unsubscribe(SubscriptionId id, const Pattern& pattern);
  void drop(ActorId subscriber, const Pattern& pattern);
  [[nodiscard]] Result<RetainedValue> retained(const Address& address) const;

  void watch_interest(ActorId watcher, const Pattern& pattern);
  void forget_watcher(ActorId watcher);

  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] std::uint64_t subscriptions() const;
  [[nodiscard]] std::uint64_t retained_bytes() const noexcept {
    return retained_bytes_.load(std::memory_order_relaxed);
  }

 private:
  struct Group {  // subscriptions of one pattern
    Pattern pattern;
    std::vector<Subscription> subscriptions;
  };
  struct Watcher {
    ActorId id;
    Pattern pattern;  // over its own topics
    [[nodiscard]] bool cares_for(const Pattern& subscribed) const;
  };
  struct Notice {
    ActorId watcher;
    std::string pattern;
    bool has_interest;
  };
  using Woken = std::vector<Cell*>;

  [[nodiscard]] Result<Topic*> find_or_make(const Address& address);
  [[nodiscard]] Topic* find(std::string_view address) const;
  [[nodiscard]] std::vector<Topic*> matching(const Pattern& pattern) const;

  // With the topic's mutex held
  [[nodiscard]] std::vector<Activation> missing_actors(Topic& topic) const;
  void rematch(Topic& topic, Woken& woken);
  void give_snapshot(Topic& topic, const Subscription& subscription, Woken& woken);
  [[nodiscard]] Result<void> retain(Topic& topic, const Publication& publication);
  [[nodiscard]] Published fan_out(Topic& topic, const Publication& publication, Woken& woken,
                                  std::vector<Subscription>& gone);
  [[nodiscard]] PushResult offer(Topic& topic, const Subscription& subscription,
                                 EnvelopePtr envelope, Woken& woken);

  void activate(Topic& topic, const std::vector<Activation>& missing);
  /// A subscription whose actor is over, found by a publish.
  void drop_everywhere(const Subscription& gone);
  [[nodiscard]] SubscriptionId insert(Subscription subscription, const Pattern& pattern,
                                      bool may_be_there, std::vector<Notice>& told);
  template <class Predicate>
  void remove_if(const Pattern& pattern, Predicate predicate);
  // With mutex_ held
  [[nodiscard]] StringMap<Group>& groups_of(const Pattern& pattern) {
    return pattern.has_wildcard() ? wildcard_ : exact_;
  }
  [[nodiscard]] std::vector<Notice> notices(const Pattern& pattern, bool has_interest) const;

  void tell(const std::vector<Notice>& notices);
  static void post_all(const Woken& woken);

  Runtime& runtime_;
  const Limits& limits_;
  std::atomic<std::uint64_t> retained_bytes_{0};
  std::atomic<std::uint64_t> version_{1};  // of the tables below; bumped with mutex_ held
  mutable std::shared_mutex mutex_;
  // Guarded by mutex_
  StringMap<std::unique_ptr<Topic>> topics_;
  StringMap<Group> exact_;
  StringMap<Group> wildcard_;
  std::vector<Watcher> watchers_;
  std::uint64_t last_subscription_ = 0;
  std::uint64_t subscription_count_ = 0;
};

}  // namespace backstage
