#include "core/topics.hpp"

#include <algorithm>
#include <shared_mutex>

#include "core/planted.hpp"
#include "core/runtime.hpp"

namespace backstage {

Result<Published> Topics::publish(const Address& address, const Publication& publication) {
  if (publication.message->payload.size() > payload_bytes_max) {
    return runtime_.refuse(Errc::too_large);
  }
  const auto found = find_or_make(address);
  if (!found) return runtime_.refuse(found.error());
  Topic& topic = **found;
  Woken woken;
  std::vector<Subscription> gone;
  Result<Published> result;
  for (bool is_retry = false;; is_retry = true) {
    std::unique_lock lock(topic.mutex);
    const auto missing = is_retry ? std::vector<Activation>{} : missing_actors(topic);
    if (missing.empty()) {
      rematch(topic, woken);
      if (publication.options.retain) {
        if (auto kept = retain(topic, publication); !kept) return runtime_.refuse(kept.error());
      }
      result = fan_out(topic, publication, woken, gone);
      break;
    }
    lock.unlock();
    activate(topic, missing);
  }
  post_all(woken);
  for (const auto& subscription : gone) drop_everywhere(subscription);
  return result;
}

Published Topics::fan_out(Topic& topic, const Publication& publication, Woken& woken,
                          std::vector<Subscription>& gone) {
  Published result{++topic.seq, 0, 0};
  for (const Subscription& subscription : topic.matched) {
    auto envelope = runtime_.try_make_envelope(Kind::publish);
    if (envelope == nullptr) {
      // Offered, and refused for want of memory: the same to the publisher as a full mailbox.
      (void)runtime_.refuse(Errc::no_memory);
      ++result.matched;
      ++result.full;
      continue;
    }
    envelope->sender = publication.sender;
    envelope->sender_name = publication.sender_name;
    envelope->type = publication.message->type;
    envelope->payload = publication.message->payload;
    envelope->seq = topic.seq;
    const auto pushed = offer(topic, subscription, std::move(envelope), woken);
    if (pushed.verdict == PushVerdict::refused && pushed.why == Errc::no_actor) {
      gone.push_back(subscription);
      continue;
    }
    ++result.matched;
    if (pushed.verdict == PushVerdict::refused) ++result.full;
  }
  return result;
}

PushResult Topics::offer(Topic& topic, const Subscription& subscription, EnvelopePtr envelope,
                         Woken& woken) {
  envelope->topic = &topic;
  envelope->subscription = subscription.id;
  envelope->overflow = subscription.overflow;
  if (runtime_.world.faults.hit(FaultSite::accept)) {
    (void)runtime_.refuse(Errc::mailbox_full);
    return {PushVerdict::refused, Errc::mailbox_full};
  }
  const auto pushed = subscription.cell->accept(envelope, subscription.subscriber);
  if (pushed.woke_owner) woken.push_back(subscription.cell);
  return pushed;
}

// Brings `matched` up to the table's version; a new subscription that asked for it gets the
// retained value now, so that it stands before the first live message and exactly once.
void Topics::rematch(Topic& topic, Woken& woken) {
  if (topic.version == version_.load(std::memory_order_acquire)) return;
  const std::uint64_t known = topic.version;
  std::vector<Subscription> matched;
  const auto take = [&](const Group& group) {
    for (const auto& subscription : group.subscriptions) {
      const auto same = std::find_if(matched.begin(), matched.end(), [&](const auto& other) {
        return !subscription.is_client && other.subscriber == subscription.subscriber;
      });
      if (same == matched.end()) {
        matched.push_back(subscription);
      } else if (subscription.snapshot && subscription.born > same->born) {
        // An actor gets one delivery a publish, and its snapshot if any of its patterns asked.
        same->snapshot = true;
        same->born = subscription.born;
      }
    }
  };
  {
    const std::shared_lock lock(mutex_);
    topic.version = version_.load(std::memory_order_relaxed);
    if (const auto exact = exact_.find(topic.address.text()); exact != exact_.end()) {
      take(exact->second);
    }
    for (const auto& [text, group] : wildcard_) {
      if (group.pattern.matches(topic.address)) take(group);
    }
  }
  // In the order of subscribing, whatever the tables' hash order is: runs must be repeatable.
  std::sort(matched.begin(), matched.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  topic.matched = std::move(matched);
  for (const auto& subscription : topic.matched) {
    const bool is_new = subscription.born > known || planted(Bug::snapshot_lags);
    if (subscription.snapshot && is_new) {
      give_snapshot(topic, subscription, woken);
    }
  }
}

void Topics::give_snapshot(Topic& topic, const Subscription& subscription, Woken& woken) {
  if (!topic.retained) return;
  auto envelope = runtime_.make_envelope(Kind::publish);
  envelope->is_snapshot = true;
  envelope->sender_name = topic.retained->sender;
  envelope->type = topic.retained->type;
  envelope->payload = topic.retained->payload;
  envelope->seq = topic.retained->seq;
  (void)offer(topic, subscription, std::move(envelope), woken);
}

Result<void> Topics::retain(Topic& topic, const Publication& publication) {
  const std::uint64_t size = publication.message->payload.size();
  const std::uint64_t before = topic.retained ? topic.retained->payload.size() : 0;
  // Add first, then look: two publishers can only both be refused, never both exceed the budget.
  const auto total = retained_bytes_.fetch_add(size, std::memory_order_relaxed) + size - before;
  if (total > limits_.retained_bytes_max) {
    retained_bytes_.fetch_sub(size, std::memory_order_relaxed);
    return Refused(Errc::retained_full);
  }
  retained_bytes_.fetch_sub(before, std::memory_order_relaxed);
  topic.retained = Retained{topic.seq + 1, publication.sender_name,
                            std::string(publication.message->type), publication.message->payload};
  return {};
}

Result<Subscribed> Topics::subscribe(Cell& subscriber, SubscriptionId known, const Pattern& pattern,
                                     SubscribeOptions options) {
  // The policy of a hosted actor is its mailbox's; a client chooses for each subscription.
  const auto overflow =
      subscriber.is_client() ? options.overflow : subscriber.mailbox().overflow_policy();
  Subscription subscription{
      known, subscriber.id(), &subscriber, subscriber.is_client(), overflow, options.snapshot, 0};
  Woken woken;
  std::vector<Notice> told;
  Subscribed result;
  result.existed = known != SubscriptionId{};
  if (pattern.has_wildcard()) {
    result.id = insert(std::move(subscription), pattern, result.existed, told);
    for (Topic* topic : options.snapshot ? matching(pattern) : std::vector<Topic*>{}) {
      const std::lock_guard lock(topic->mutex);
      rematch(*topic, woken);
    }
  } else {
    const auto address = Address::parse(pattern.text());
    const auto topic = find_or_make(*address);
    if (!topic) return Refused(topic.error());
    const std::lock_guard lock((*topic)->mutex);
    result.id = insert(std::move(subscription), pattern, result.existed, told);
    rematch(**topic, woken);
    result.seq = (*topic)->seq;
  }
  tell(told);
  post_all(woken);
  return result;
}

Result<void> Topics::subscribe_for(ActorId subscriber, const Pattern& pattern) {
  Cell* cell = runtime_.directory.at(subscriber);
  Subscription subscription{{},    subscriber, cell, false, cell->mailbox().overflow_policy(),
                            false, 0};
  if (!pattern.has_wildcard()) {
    const auto topic = find_or_make(*Address::parse(pattern.text()));
    if (!topic) return Refused(topic.error());
  }
  std::vector<Notice> told;
  (void)insert(std::move(subscription), pattern, true, told);
  tell(told);
  return {};
}

std::vector<Activation> Topics::missing_actors(Topic& topic) const {
  std::vector<Activation> missing;
  if (runtime_.activations.empty()) return missing;
  if (!topic.activated) {
    topic.activated.emplace();
    for (auto& activation : runtime_.activations.by_address(topic.address)) {
      topic.activated->emplace_back(std::move(activation), nobody);
    }
  }
  for (const auto& [activation, id] : *topic.activated) {
    if (!runtime_.directory.is_alive(id)) missing.push_back(activation);
  }
  return missing;
}

void Topics::activate(Topic& topic, const std::vector<Activation>& missing) {
  for (const auto& activation : missing) {
    const auto id = runtime_.activate(activation);
    if (!id) {
      (void)runtime_.refuse(id.error());
      continue;
    }
    const std::lock_guard lock(topic.mutex);
    for (auto& [known, holder] : *topic.activated) {
      if (known.rule == activation.rule && known.name == activation.name) holder = *id;
    }
  }
}

Result<RetainedValue> Topics::retained(const Address& address) const {
  Topic* topic = find(address.text());
  if (topic == nullptr) return Refused(Errc::no_value);
  const std::lock_guard lock(topic->mutex);
  if (!topic->retained) return Refused(Errc::no_value);
  return RetainedValue{topic->retained->seq, std::string(topic->retained->sender.text()),
                       topic->retained->type, topic->retained->payload};
}

void Topics::post_all(const Woken& woken) {
  for (Cell* cell : woken) cell->executor().post(*cell);
}

}  // namespace backstage
