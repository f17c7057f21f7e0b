// Topics' table: addresses, subscriptions by pattern, and who wants to know of interest.
#include <mutex>
#include <shared_mutex>
#include <utility>

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
  const std::string_view name = made->address.text();
  return topics_.emplace(name, std::move(made)).first->second.get();
}

SubscriptionId Topics::id_of(ActorId subscriber, const Pattern& pattern) const {
  const std::shared_lock lock(mutex_);
  const Subscription* const found = table_.find(subscriber, pattern);
  return found == nullptr ? SubscriptionId{} : found->id;
}

// Those with a last value that the pattern matches, in the order of their text; the text before
// the first wildcard bounds the search.
std::vector<Topic*> Topics::retaining(const Pattern& pattern) const {
  const std::string_view text = pattern.text();
  const auto prefix = text.substr(0, text.find_first_of("*>"));
  std::vector<Topic*> all;
  const std::shared_lock lock(mutex_);
  for (auto at = retaining_.lower_bound(prefix);
       at != retaining_.end() && at->first.starts_with(prefix); ++at) {
    if (pattern.matches(at->second->address)) all.push_back(at->second);
  }
  return all;
}

// Before the rematch of the publish: a subscription by wildcard that it does not see finds the
// address among `retaining_` and waits for its mutex.
void Topics::note_retaining(Topic& topic) {
  if (std::exchange(topic.may_retain, true)) return;
  const std::unique_lock lock(mutex_);
  retaining_.emplace(topic.address.text(), &topic);
}

Subscription Topics::insert(const Subscription& subscription, const Pattern& pattern,
                            Woken& woken) {
  const std::unique_lock lock(mutex_);
  const auto change = table_.add(pattern, subscription);
  on_changed(change, pattern, true, woken);
  return change.subscription;
}

void Topics::unsubscribe(SubscriptionId id, const Pattern& pattern) {
  Woken woken;
  {
    const std::unique_lock lock(mutex_);
    on_changed(table_.remove(id, pattern), pattern, false, woken);
  }
  post_all(woken);
}

void Topics::drop(ActorId subscriber, const Pattern& pattern) {
  Woken woken;
  {
    const std::unique_lock lock(mutex_);
    on_changed(table_.remove(subscriber, pattern), pattern, false, woken);
  }
  post_all(woken);
}

void Topics::drop_everywhere(ActorId gone) {
  {
    // Most actors have none: they need not make publishers wait.
    const std::shared_lock lock(mutex_);
    if (table_.patterns_of(gone).empty()) return;
  }
  Woken woken;
  {
    const std::unique_lock lock(mutex_);
    for (const auto& pattern : table_.patterns_of(gone)) {
      on_changed(table_.remove(gone, pattern), pattern, false, woken);
    }
  }
  post_all(woken);
}

// Makes the addresses concerned look again, and tells who watches. Under the lock, so that notices
// of first and last come in the order in which they became true.
void Topics::on_changed(const Subscriptions::Change& change, const Pattern& pattern,
                        bool has_interest, Woken& woken) {
  if (change.subscription.id == SubscriptionId{}) return;
  auto* changed = &wildcards_changed_;
  if (!pattern.has_wildcard()) changed = &topics_.find(pattern.text())->second->exact_changed;
  changed->store(table_.version(), std::memory_order_release);
  if (!change.is_edge) return;
  std::vector<ActorId> watchers;
  interest_.concerned(pattern, watchers);
  for (const ActorId watcher : watchers) tell(watcher, pattern, has_interest, woken);
}

void Topics::watch_interest(ActorId watcher, const Pattern& pattern) {
  Woken woken;
  {
    const std::unique_lock lock(mutex_);
    if (!interest_.watch(watcher, pattern)) return;
    for (const Subscribers* group : table_.about(pattern.actor_part())) {
      if (Interest::cares(pattern, group->pattern)) tell(watcher, group->pattern, true, woken);
    }
  }
  post_all(woken);
}

void Topics::forget_watcher(ActorId watcher) {
  const std::unique_lock lock(mutex_);
  interest_.forget(watcher);
}

void Topics::tell(ActorId watcher, const Pattern& pattern, bool has_interest, Woken& woken) {
  auto envelope = runtime_.make_envelope(Kind::interest);
  envelope->seq = has_interest ? 1 : 0;
  envelope->payload = Payload(pattern.text());
  Cell* cell = runtime_.directory.at(watcher);
  if (cell->accept(envelope, watcher).woke_owner) woken.push_back(cell);
}

Topics::View Topics::view(const Address& address, std::size_t listed_max) const {
  View view;
  if (Topic* topic = find(address.text()); topic != nullptr) {
    const std::lock_guard lock(topic->mutex);
    view.is_known = true;
    view.seq = topic->seq;
    if (topic->retained) view.retained = *topic->retained;
  }
  const std::shared_lock lock(mutex_);
  for (const Subscribers* group : table_.matching(address)) {
    view.subscriptions += group->all.size();
    for (const auto& [id, subscription] : group->all) {
      if (view.listed.size() >= listed_max) break;
      view.listed.emplace_back(group->pattern, subscription);
    }
  }
  return view;
}

std::uint64_t Topics::count() const {
  const std::shared_lock lock(mutex_);
  return topics_.size();
}

std::uint64_t Topics::subscriptions() const {
  const std::shared_lock lock(mutex_);
  return table_.size();
}

}  // namespace backstage
