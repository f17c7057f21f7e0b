#include "core/topics.hpp"

#include <algorithm>
#include <new>
#include <shared_mutex>
#include <span>
#include <utility>

#include "core/planted.hpp"
#include "core/runtime.hpp"

namespace backstage {

Result<Published> Topics::publish(const Address& address, const Publication& publication) {
  const auto found = find_or_make(address);
  if (!found) return runtime_.refuse(found.error());
  return publish(**found, publication);
}

Result<Published> Topics::publish(Topic& topic, const Publication& publication) {
  if (publication.message->payload.size() > payload_bytes_max) {
    return runtime_.refuse(Errc::too_large);
  }
  Woken woken;
  std::vector<ActorId> gone;
  Result<Published> result;
  for (bool is_retry = false;; is_retry = true) {
    std::unique_lock lock(topic.mutex);
    const auto missing = is_retry ? std::vector<Activation>{} : missing_actors(topic);
    if (missing.empty()) {
      if (publication.options.retain) note_retaining(topic);
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
  for (const ActorId subscriber : gone) drop_everywhere(subscriber);
  return result;
}

namespace {

// What all who hear it share. Null: there is no memory for it.
Broadcast* make_broadcast(const Topic& topic, const Topics::Publication& given) noexcept {
  try {
    const Message& message = *given.message;
    auto made = std::make_unique<Broadcast>(topic.seq);
    made->said.sender = given.sender;
    made->said.sender_name = given.sender_name;
    made->said.type = NameRef(message.type);
    made->said.payload = message.payload;
    made->said.size = static_cast<std::uint32_t>(message.payload.size());
    made->said.topic = &topic;
    made->said.seq = topic.seq;
    return made.release();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace

// Null: there is no memory.
inline DeliveryPtr Topics::try_make_delivery(Broadcast& broadcast,
                                             const Subscription& subscription) noexcept {
  if (runtime_.world.faults.strike(FaultSite::allocate)) return nullptr;
  try {
    return DeliveryPtr(new Delivery(broadcast, runtime_.next_message(), subscription.id));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

// Next door, and nothing in the way, as most are. `no`: nothing was done.
inline Topics::Offered Topics::offer_data(const Subscription& subscription, Broadcast& broadcast,
                                          std::uint32_t& used, Home& here, Woken& woken) {
  if (subscription.cell->mailbox().home() != &here) return Offered::no;
  auto delivery = try_make_delivery(broadcast, subscription);
  if (delivery == nullptr) [[unlikely]] {
    (void)refuse_for_memory();
    return Offered::full;
  }
  ++used;
  if (runtime_.world.faults.strike(FaultSite::accept)) {
    (void)runtime_.refuse(Errc::mailbox_full);
    return Offered::full;
  }
  delivery->size = broadcast.said.size;
  const auto taken = subscription.cell->accept_data(here, *delivery, subscription.subscriber);
  if (taken == Mailbox::Taken::no) [[unlikely]] {
    // Its count goes to the one that is made for the way round.
    delivery->broadcast = nullptr;
    --used;
    return Offered::no;
  }
  (void)delivery.release();
  if (taken == Mailbox::Taken::woke) [[unlikely]]
    woken.push_back(subscription.cell);
  return Offered::in;
}

PushResult Topics::offer(Topic& topic, const Subscription& subscription, Broadcast* broadcast,
                         std::uint32_t& used, Woken& woken) {
  Cell& cell = *subscription.cell;
  auto delivery = broadcast == nullptr ? nullptr : try_make_delivery(*broadcast, subscription);
  if (delivery == nullptr) return refuse_for_memory();
  ++used;
  if (cell.mailbox().home() == nullptr) return offer_alone(topic, subscription, *delivery, woken);
  if (runtime_.world.faults.strike(FaultSite::accept)) {
    (void)runtime_.refuse(Errc::mailbox_full);
    return {PushVerdict::refused, Errc::mailbox_full};
  }
  const auto pushed = cell.accept(delivery, subscription.subscriber);
  if (pushed.woke_owner) woken.push_back(&cell);
  return pushed;
}

// Offered, and refused for want of memory: the same to the publisher as a full mailbox.
PushResult Topics::refuse_for_memory() noexcept {
  (void)runtime_.refuse(Errc::no_memory);
  return {PushVerdict::refused, Errc::no_memory};
}

// One without a home keeps its mail in its own way, and needs an envelope for it.
PushResult Topics::offer_alone(Topic& topic, const Subscription& subscription,
                               const Delivery& delivery, Woken& woken) {
  auto alone = delivery.try_alone();
  if (alone == nullptr) return refuse_for_memory();
  return offer(topic, subscription, std::move(alone), woken);
}

// Not what it publishes itself: an answer to the publish stands before it. `said` is made once.
bool Topics::hear_now(Topic& topic, const Publication& publication,
                      const Subscription& subscription, std::optional<Envelope>& said) {
  if (subscription.subscriber == publication.sender) return false;
  if (!said) {
    const Message& message = *publication.message;
    said.emplace(Kind::publish, MessageId{});
    said->sender = publication.sender;
    said->sender_name = publication.sender_name;
    if (!message.type.empty()) said->type = NameRef(message.type);
    said->payload = message.payload;
    said->size = static_cast<std::uint32_t>(message.payload.size());
    said->topic = &topic;
    said->seq = topic.seq;
  }
  said->subscription = subscription.id;
  return subscription.cell->hear_now(*said, subscription.subscriber);
}

Published Topics::fan_out(Topic& topic, const Publication& publication, Woken& woken,
                          std::vector<ActorId>& gone) {
  Published result{++topic.seq, 0, 0};
  const bool is_among_clients = Executor::here() != nullptr;
  std::optional<Envelope> said;
  Broadcast* broadcast = nullptr;
  // The counts of those that will have it, taken at once; what is left of them is given back.
  std::uint32_t counts = 0;
  std::uint32_t used = 0;
  Home* here = nullptr;
  const std::span<const Subscription> all(topic.matched);
  for (std::size_t i = 0; i < all.size(); ++i) {
    constexpr std::size_t ahead = 4;
    if (i + ahead < all.size()) all[i + ahead].cell->prefetch();
    const Subscription& subscription = all[i];
    if (is_among_clients && subscription.is_client &&
        hear_now(topic, publication, subscription, said)) {
      ++result.matched;
      continue;
    }
    if (counts == 0) {
      counts = static_cast<std::uint32_t>(all.size() - i);
      broadcast = make_broadcast(topic, publication);
      if (broadcast != nullptr) broadcast->add(counts);
      if (broadcast != nullptr) here = Home::here();
    }
    const auto offered =
        here != nullptr ? offer_data(subscription, *broadcast, used, *here, woken) : Offered::no;
    if (offered != Offered::no) {
      ++result.matched;
      if (offered == Offered::full) ++result.full;
      continue;
    }
    const auto pushed = offer(topic, subscription, broadcast, used, woken);
    if (pushed.verdict == PushVerdict::refused && pushed.why == Errc::no_actor) {
      gone.push_back(subscription.subscriber);
      continue;
    }
    ++result.matched;
    if (pushed.verdict == PushVerdict::refused) ++result.full;
  }
  if (broadcast != nullptr) broadcast->drop(counts - used + 1);
  return result;
}

PushResult Topics::offer(Topic& topic, const Subscription& subscription, EnvelopePtr envelope,
                         Woken& woken) {
  envelope->topic = &topic;
  envelope->subscription = subscription.id;
  envelope->overflow = subscription.overflow;
  if (runtime_.world.faults.strike(FaultSite::accept)) {
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
  if (topic.version >= wildcards_changed_.load(std::memory_order_acquire) &&
      topic.version >= topic.exact_changed.load(std::memory_order_acquire)) {
    return;
  }
  {
    const std::shared_lock lock(mutex_);
    const std::uint64_t known = std::exchange(topic.version, table_.version());
    const auto caught_up = std::exchange(topic.caught_up, {});
    const auto groups = table_.matching(topic.address);
    // As many patterns as before and none of them changed: they are the same ones, because one that
    // came since would be a changed one.
    const bool is_same =
        groups.size() == topic.groups &&
        std::none_of(groups.begin(), groups.end(),
                     [known](const Subscribers* group) { return group->changed > known; });
    if (is_same) return;
    topic.groups = static_cast<std::uint32_t>(groups.size());
    topic.matched = Subscriptions::reached(groups, known, caught_up);
    topic.made = topic.version;
  }
  for (auto& subscription : topic.matched) {
    if (std::exchange(subscription.snapshot, false)) give_snapshot(topic, subscription, woken);
  }
}

// The retained value for one new subscription, without looking at the others: a flood of them must
// not cost its square. It is written down until the next rematch, which would give it again.
void Topics::catch_up(Topic& topic, Subscription subscription, Woken& woken) {
  constexpr std::size_t caught_up_max = 64;
  // A publish that met it first has given it already.
  if (!topic.retained || topic.version >= subscription.born) return;
  if (!subscription.is_client) {
    const std::shared_lock lock(mutex_);
    const auto id = table_.reached_as(subscription.subscriber, topic.address);
    if (id != SubscriptionId{}) subscription.id = id;
  }
  give_snapshot(topic, subscription, woken);
  if (!planted(Bug::snapshot_lags)) topic.caught_up.push_back(subscription.born);
  // Bounded by what a rematch costs, however often somebody subscribes again.
  if (topic.caught_up.size() > std::max(caught_up_max, topic.matched.size())) rematch(topic, woken);
}

void Topics::give_snapshot(Topic& topic, const Subscription& subscription, Woken& woken) {
  if (!topic.retained) return;
  auto envelope = runtime_.make_envelope(Kind::publish);
  envelope->is_snapshot = true;
  envelope->sender_name = topic.retained->sender;
  envelope->type = NameRef(topic.retained->type);
  envelope->payload = topic.retained->payload;
  envelope->seq = topic.retained->seq;
  (void)offer(topic, subscription, std::move(envelope), woken);
}

Result<void> Topics::retain(Topic& topic, const Publication& publication) {
  // All that may want memory, before anything has changed.
  auto latest = std::make_unique<Retained>(Retained{topic.seq + 1, publication.sender_name,
                                                    std::string(publication.message->type),
                                                    publication.message->payload});
  const std::uint64_t size = publication.message->payload.size();
  const std::uint64_t before = topic.retained ? topic.retained->payload.size() : 0;
  // Add first, then look: two publishers can only both be refused, never both exceed the budget.
  const auto total = retained_bytes_.fetch_add(size, std::memory_order_relaxed) + size - before;
  if (total > limits_.retained_bytes_max) {
    retained_bytes_.fetch_sub(size, std::memory_order_relaxed);
    return Refused(Errc::retained_full);
  }
  retained_bytes_.fetch_sub(before, std::memory_order_relaxed);
  topic.retained = std::move(latest);
  return {};
}

Result<Subscribed> Topics::subscribe(Cell& subscriber, SubscriptionId known, const Pattern& pattern,
                                     SubscribeOptions options) {
  // The policy of a hosted actor is its mailbox's; a client chooses for each subscription.
  const auto overflow =
      subscriber.is_client() ? options.overflow : subscriber.mailbox().overflow_policy();
  const Subscription wanted{
      known, subscriber.id(), &subscriber, subscriber.is_client(), overflow, options.snapshot, 0};
  Woken woken;
  Subscribed result;
  result.existed = known != SubscriptionId{};
  if (pattern.has_wildcard()) {
    const auto subscription = insert(wanted, pattern, woken);
    result.id = subscription.id;
    for (Topic* topic : options.snapshot ? retaining(pattern) : std::vector<Topic*>{}) {
      const std::lock_guard lock(topic->mutex);
      catch_up(*topic, subscription, woken);
    }
  } else {
    const auto topic = find_or_make(*Address::parse(pattern.text()));
    if (!topic) return Refused(topic.error());
    const std::lock_guard lock((*topic)->mutex);
    const auto subscription = insert(wanted, pattern, woken);
    result.id = subscription.id;
    result.seq = (*topic)->seq;
    if (options.snapshot) catch_up(**topic, subscription, woken);
  }
  post_all(woken);
  return result;
}

Result<void> Topics::subscribe_for(ActorId subscriber, const Pattern& pattern) {
  Cell* cell = runtime_.directory.at(subscriber);
  const Subscription wanted{{},    subscriber, cell, false, cell->mailbox().overflow_policy(),
                            false, 0};
  if (!pattern.has_wildcard()) {
    const auto topic = find_or_make(*Address::parse(pattern.text()));
    if (!topic) return Refused(topic.error());
  }
  Woken woken;
  {
    const std::unique_lock lock(mutex_);
    // What the actor subscribed to itself stays as it asked for it.
    if (table_.find(subscriber, pattern) != nullptr) return {};
    on_changed(table_.add(pattern, wanted), pattern, true, woken);
  }
  post_all(woken);
  // An actor that was there already may have ended since, and have dropped what it had by then.
  if (!runtime_.directory.is_alive(subscriber)) drop(subscriber, pattern);
  return {};
}

std::vector<Activation> Topics::missing_actors(Topic& topic) const {
  std::vector<Activation> missing;
  if (runtime_.activations.empty()) return missing;
  if (!topic.activated) {
    topic.activated = std::make_unique<std::vector<std::pair<Activation, ActorId>>>();
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
