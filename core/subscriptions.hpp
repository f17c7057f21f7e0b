/// Subscriptions: who subscribes to which pattern, indexed by pattern, by address and by
/// subscriber.
///
/// One per subscriber and pattern. Nothing here grows with what the call is not about, but for a
/// logarithm. Every order that can be seen comes from ids or text, never from a hash: runs must be
/// repeatable. Pure: no locks, no engine.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/envelope.hpp"
#include "core/fwd.hpp"
#include "core/ids.hpp"
#include "core/pattern_trie.hpp"
#include "core/values/pattern.hpp"

namespace backstage {

struct Subscription {
  SubscriptionId id{};
  ActorId subscriber;
  Cell* cell = nullptr;
  bool is_client = false;
  Overflow overflow = Overflow::reject;
  /// In the table: asked for the retained value. In a topic's matches: has yet to get it.
  bool snapshot = false;
  std::uint64_t born = 0;  ///< the table's version that first had it as it is
};

/// The subscriptions of one pattern.
struct Subscribers {
  Pattern pattern;
  std::uint64_t changed = 0;  ///< the table's version that changed it last
  std::map<SubscriptionId, Subscription> all;
};

class Subscriptions {
 public:
  struct Change {
    Subscription subscription;  ///< as it is, or was, in the table
    bool is_edge = false;       ///< it was its pattern's first, or last
  };
  using Groups = std::vector<const Subscribers*>;

  /// Gives the subscription its id and version. Again by the same subscriber: it keeps the id.
  Change add(const Pattern& pattern, Subscription subscription);
  /// Null if there is none.
  [[nodiscard]] const Subscription* find(ActorId subscriber, const Pattern& pattern) const;
  /// Its id is `nobody`'s {} if there was none.
  Change remove(SubscriptionId id, const Pattern& pattern);
  Change remove(ActorId subscriber, const Pattern& pattern);
  /// In the order of their text.
  [[nodiscard]] std::vector<Pattern> patterns_of(ActorId subscriber) const;

  /// The groups whose pattern matches.
  [[nodiscard]] Groups matching(const Address& address) const;
  /// The groups whose actor part is the name or `*`.
  [[nodiscard]] Groups about(std::string_view actor) const;
  /// What a publish has to reach, in the order of ids. A hosted actor is reached once, under its
  /// oldest id; a client once for each subscription. Snapshots are wanted by those born after
  /// version `known`, but for the births in `caught_up`.
  [[nodiscard]] static std::vector<Subscription> reached(const Groups& groups, std::uint64_t known,
                                                         std::span<const std::uint64_t> caught_up);
  /// The id under which `reached` has the subscriber. {} if it has not.
  [[nodiscard]] SubscriptionId reached_as(ActorId subscriber, const Address& address) const;

  /// Rises with every change.
  [[nodiscard]] std::uint64_t version() const noexcept { return version_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return by_subscriber_.size(); }
  [[nodiscard]] std::size_t patterns() const noexcept { return groups_.size(); }
  [[nodiscard]] const PatternTrie& wildcards() const noexcept { return wildcards_; }

 private:
  using Table = std::map<std::string_view, std::unique_ptr<Subscribers>>;

  [[nodiscard]] Subscribers& group_of(const Pattern& pattern);
  Change remove(Table::iterator group, SubscriptionId id);

  Table groups_;  // by the text of their patterns
  PatternTrie wildcards_;
  std::map<std::pair<ActorId, std::string_view>, SubscriptionId> by_subscriber_;  // and pattern
  std::uint64_t version_ = 0;
  std::uint64_t last_id_ = 0;
};

}  // namespace backstage
