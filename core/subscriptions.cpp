#include "core/subscriptions.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>

namespace backstage {
namespace {

// Keeps one entry of each hosted subscriber, the first; the others' snapshots become its own.
void merge_hosted(std::vector<Subscription>& by_id) {
  std::unordered_map<ActorId, std::size_t> first;
  first.reserve(by_id.size());
  std::size_t kept = 0;
  for (const Subscription& next : by_id) {
    if (!next.is_client) {
      const auto [place, is_new] = first.try_emplace(next.subscriber, kept);
      if (!is_new) {
        by_id[place->second].snapshot |= next.snapshot;
        continue;
      }
    }
    by_id[kept++] = next;
  }
  by_id.resize(kept);
}

}  // namespace

Subscribers& Subscriptions::group_of(const Pattern& pattern) {
  const auto found = groups_.find(pattern.text());
  if (found != groups_.end()) return *found->second;
  auto made = std::make_unique<Subscribers>(Subscribers{pattern, 0, {}});
  Subscribers& group = *made;
  groups_.emplace(group.pattern.text(), std::move(made));
  if (pattern.has_wildcard()) wildcards_.insert(pattern, group);
  return group;
}

Subscriptions::Change Subscriptions::add(const Pattern& pattern, Subscription subscription) {
  Subscribers& group = group_of(pattern);
  const bool is_edge = group.all.empty();
  const std::string_view text = group.pattern.text();
  const auto [place, is_new] =
      by_subscriber_.try_emplace({subscription.subscriber, text}, SubscriptionId{last_id_ + 1});
  if (is_new) ++last_id_;
  subscription.id = place->second;
  subscription.born = group.changed = ++version_;
  group.all.insert_or_assign(subscription.id, subscription);
  return {subscription, is_edge};
}

const Subscription* Subscriptions::find(ActorId subscriber, const Pattern& pattern) const {
  const auto place = by_subscriber_.find({subscriber, pattern.text()});
  if (place == by_subscriber_.end()) return nullptr;
  return &groups_.find(pattern.text())->second->all.find(place->second)->second;
}

Subscriptions::Change Subscriptions::remove(SubscriptionId id, const Pattern& pattern) {
  const auto group = groups_.find(pattern.text());
  return group == groups_.end() ? Change{} : remove(group, id);
}

Subscriptions::Change Subscriptions::remove(ActorId subscriber, const Pattern& pattern) {
  const auto place = by_subscriber_.find({subscriber, pattern.text()});
  if (place == by_subscriber_.end()) return {};
  return remove(groups_.find(pattern.text()), place->second);
}

Subscriptions::Change Subscriptions::remove(Table::iterator group, SubscriptionId id) {
  Subscribers& held = *group->second;
  const auto place = held.all.find(id);
  if (place == held.all.end()) return {};
  Change change{place->second, held.all.size() == 1};
  by_subscriber_.erase({change.subscription.subscriber, held.pattern.text()});
  held.all.erase(place);
  held.changed = ++version_;
  if (change.is_edge) {
    if (held.pattern.has_wildcard()) wildcards_.remove(held.pattern);
    groups_.erase(group);
  }
  return change;
}

std::vector<Pattern> Subscriptions::patterns_of(ActorId subscriber) const {
  std::vector<Pattern> patterns;
  for (auto at = by_subscriber_.lower_bound({subscriber, {}});
       at != by_subscriber_.end() && at->first.first == subscriber; ++at) {
    patterns.push_back(groups_.find(at->first.second)->second->pattern);
  }
  return patterns;
}

Subscriptions::Groups Subscriptions::matching(const Address& address) const {
  Groups found;
  if (const auto exact = groups_.find(address.text()); exact != groups_.end()) {
    found.push_back(exact->second.get());
  }
  wildcards_.match(address, found);
  return found;
}

Subscriptions::Groups Subscriptions::about(std::string_view actor) const {
  Groups found;
  for (std::string prefix : {std::string("*"), std::string(actor)}) {
    // A name has no slash, so the patterns of one actor stand together.
    prefix += '/';
    for (auto at = groups_.lower_bound(prefix);
         at != groups_.end() && at->first.starts_with(prefix); ++at) {
      found.push_back(at->second.get());
    }
  }
  return found;
}

std::vector<Subscription> Subscriptions::reached(const Groups& groups, std::uint64_t known,
                                                 std::span<const std::uint64_t> caught_up) {
  std::vector<std::uint64_t> had(caught_up.begin(), caught_up.end());
  std::sort(had.begin(), had.end());
  std::size_t total = 0;
  for (const Subscribers* group : groups) total += group->all.size();
  std::vector<Subscription> all;
  all.reserve(total);
  for (const Subscribers* group : groups) {
    for (const auto& [id, subscription] : group->all) {
      all.push_back(subscription);
      const std::uint64_t born = subscription.born;
      all.back().snapshot = subscription.snapshot && born > known &&
                            !std::binary_search(had.begin(), had.end(), born);
    }
  }
  // One group alone is in order and has each subscriber once.
  if (groups.size() < 2) return all;
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  merge_hosted(all);
  return all;
}

SubscriptionId Subscriptions::reached_as(ActorId subscriber, const Address& address) const {
  SubscriptionId oldest{};
  for (const Subscribers* group : matching(address)) {
    const auto place = by_subscriber_.find({subscriber, group->pattern.text()});
    if (place == by_subscriber_.end()) continue;
    if (oldest == SubscriptionId{} || place->second < oldest) oldest = place->second;
  }
  return oldest;
}

}  // namespace backstage
