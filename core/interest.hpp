/// Interest: which publishers asked to be told when somebody subscribes to their topics.
///
/// Watchers are held by actor name, so a subscription is compared with those it could concern and
/// no others. Orders come from names, ids and text. Pure: no locks, no engine.
#pragma once
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/ids.hpp"
#include "core/values/pattern.hpp"

namespace backstage {

class Interest {
 public:
  /// `own` is a pattern over the watcher's own topics: it has the watcher's name. False: known.
  bool watch(ActorId watcher, const Pattern& own);
  void forget(ActorId watcher);
  /// Appends who wants to know of a subscription, once for each of its patterns that cares. Returns
  /// how many patterns it looked at.
  std::size_t concerned(const Pattern& subscribed, std::vector<ActorId>& found) const;
  [[nodiscard]] std::size_t size() const noexcept { return watched_.size(); }

  /// Whether a watcher of `own` is told of a subscription: one by wildcard as it stands, if it
  /// could match any of the watcher's topics.
  [[nodiscard]] static bool cares(const Pattern& own, const Pattern& subscribed) noexcept;

 private:
  struct Key {
    std::string actor;
    ActorId watcher;
    std::string text;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  std::map<Key, Pattern> watched_;
  std::unordered_map<ActorId, std::string> names_;  // of the watchers; only looked up
};

}  // namespace backstage
