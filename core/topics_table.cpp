// Topics' table: addresses, subscriptions by pattern, and who wants to know of interest.
#include <algorithm>
#include <mutex>
#include <shared_mutex>

#include "core/runtime.hpp"
#include "core/topics.hpp"

namespace backstage {

Topic* Topics::find(std::string_view address) const {
  const std::shared_lock lock(mutex_);
  const auto found = topics_.find(address);
  return found == topics_.end() ? nullptr : found->second.get();
}

Result<Topic*> Topics::find_or_make(const Address& address) {
  if (Topic* topic = find(address.text()); topic != nullptr) return topic;
  const std::unique_lock lock(mutex_);
  if (const auto found = topics_.find(address.text()); found != topics_.end()) {
    return found->second.get();
  }
  if (topics_.size() >= limits_.topics_max) return Refused(Errc::topics_full);
  auto made = std::make_unique<Topic>(address);
  return topics_.emplace(address.text(), std::move(made)).first->second.get();
}

// Sorted, so that snapshots come in the same order every time.
std::vector<Topic*> Topics::matching(const Pattern& pattern) const {
  std::vector<Topic*> all;
  {
    const std::shared_lock lock(mutex_);
    for (const auto& [text, topic] : topics_) {
      if (pattern.matches(topic->address)) all.push_back(topic.get());
    }
  }
  std::sort(all.begin(), all.end(),
            [](const Topic* a, const Topic* b) { return a->address.text() < b->address.text(); });
  return all;
}

SubscriptionId Topics::insert(Subscription subscription, const Pattern& pattern, bool may_be_there,
                              std::vector<Notice>& told) {
  const std::unique_lock lock(mutex_);
  subscription.born = version_.load(std::memory_order_relaxed) + 1;
  auto& group = groups_of(pattern).try_emplace(pattern.text(), Group{pattern, {}}).first->second;
  auto& all = group.subscriptions;
  const auto same =
      !may_be_there ? all.end() : std::find_if(all.begin(), all.end(), [&](const auto& other) {
        return other.subscriber == subscription.subscriber;
      });
  if (same != all.end()) {
    subscription.id = same->id;
    *same = subscription;
  } else {
    subscription.id = SubscriptionId{++last_subscription_};
    if (all.empty()) told = notices(pattern, true);
    all.push_back(subscription);
    ++subscription_count_;
  }
  version_.fetch_add(1, std::memory_order_release);
  return subscription.id;
}

template <class Predicate>
void Topics::remove_if(const Pattern& pattern, Predicate predicate) {
  std::vector<Notice> told;
  {
    const std::unique_lock lock(mutex_);
    auto& groups = groups_of(pattern);
    const auto found = groups.find(pattern.text());
    if (found == groups.end()) return;
    const auto removed = std::erase_if(found->second.subscriptions, predicate);
    if (removed == 0) return;
    subscription_count_ -= removed;
    if (found->second.subscriptions.empty()) {
      told = notices(pattern, false);
      groups.erase(found);
    }
    version_.fetch_add(1, std::memory_order_release);
  }
  tell(told);
}

void Topics::unsubscribe(SubscriptionId id, const Pattern& pattern) {
  remove_if(pattern, [id](const Subscription& subscription) { return subscription.id == id; });
}

void Topics::drop(ActorId subscriber, const Pattern& pattern) {
  remove_if(pattern, [subscriber](const Subscription& subscription) {
    return subscription.subscriber == subscriber;
  });
}

void Topics::drop_everywhere(const Subscription& gone) {
  std::vector<Pattern> patterns;
  {
    const std::shared_lock lock(mutex_);
    for (const auto* groups : {&exact_, &wildcard_}) {
      for (const auto& [text, group] : *groups) {
        const auto& all = group.subscriptions;
        if (std::any_of(all.begin(), all.end(), [&](const auto& subscription) {
              return subscription.subscriber == gone.subscriber;
            })) {
          patterns.push_back(group.pattern);
        }
      }
    }
  }
  for (const auto& pattern : patterns) drop(gone.subscriber, pattern);
}

// Own topics: the watcher's pattern has its own name. A subscription by wildcard is told as it
// stands if it could match any of the watcher's topics.
bool Topics::Watcher::cares_for(const Pattern& subscribed) const {
  const auto actor = subscribed.actor_part();
  if (actor != "*" && actor != pattern.actor_part()) return false;
  if (subscribed.has_wildcard()) return true;
  return pattern.matches(actor, subscribed.topic_part());
}

std::vector<Topics::Notice> Topics::notices(const Pattern& pattern, bool has_interest) const {
  std::vector<Notice> all;
  for (const auto& watcher : watchers_) {
    if (watcher.cares_for(pattern)) all.push_back({watcher.id, pattern.text(), has_interest});
  }
  return all;
}

void Topics::watch_interest(ActorId watcher, const Pattern& pattern) {
  std::vector<Notice> told;
  {
    const std::unique_lock lock(mutex_);
    const auto same = std::find_if(watchers_.begin(), watchers_.end(), [&](const auto& other) {
      return other.id == watcher && other.pattern == pattern;
    });
    if (same != watchers_.end()) return;
    watchers_.push_back({watcher, pattern});
    for (const auto* groups : {&exact_, &wildcard_}) {
      for (const auto& [text, group] : *groups) {
        if (!group.subscriptions.empty() && watchers_.back().cares_for(group.pattern)) {
          told.push_back({watcher, text, true});
        }
      }
    }
  }
  std::sort(told.begin(), told.end(),
            [](const auto& a, const auto& b) { return a.pattern < b.pattern; });
  tell(told);
}

void Topics::forget_watcher(ActorId watcher) {
  const std::unique_lock lock(mutex_);
  std::erase_if(watchers_, [watcher](const auto& other) { return other.id == watcher; });
}

void Topics::tell(const std::vector<Notice>& notices) {
  for (const auto& notice : notices) {
    auto envelope = runtime_.make_envelope(Kind::interest);
    envelope->seq = notice.has_interest ? 1 : 0;
    envelope->payload = Payload(notice.pattern);
    (void)runtime_.deliver(notice.watcher, std::move(envelope));
  }
}

std::uint64_t Topics::count() const {
  const std::shared_lock lock(mutex_);
  return topics_.size();
}

std::uint64_t Topics::subscriptions() const {
  const std::shared_lock lock(mutex_);
  return subscription_count_;
}

}  // namespace backstage
