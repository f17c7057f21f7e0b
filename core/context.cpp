#include "core/context.hpp"

#include <algorithm>

#include "core/cell.hpp"
#include "core/runtime.hpp"

namespace backstage {
ActorId Context::self() const noexcept { return cell_.id(); }
std::string_view Context::name() const noexcept { return cell_.name().text(); }
TimePoint Context::now() const noexcept { return runtime_.world.clock.now(); }

Result<ActorId> Context::resolve(std::string_view name) { return runtime_.resolve(name); }
bool Context::is_alive(ActorId id) const { return runtime_.directory.is_alive(id); }

Result<MessageId> Context::send(ActorId to, Message message) {
  if (message.payload.size() > payload_bytes_max) return runtime_.refuse(Errc::too_large);
  auto envelope = runtime_.try_make_envelope(Kind::send, cell_, std::move(message));
  if (envelope == nullptr) return runtime_.refuse(Errc::no_memory);
  const MessageId id = envelope->id;
  if (auto delivered = runtime_.deliver_data(to, std::move(envelope)); !delivered) {
    return Refused(delivered.error());
  }
  return id;
}

Result<MessageId> Context::send(ActorId to, std::string_view type, std::string_view body) {
  if (body.size() > payload_bytes_max) return runtime_.refuse(Errc::too_large);
  auto envelope = runtime_.try_make_envelope(Kind::send, cell_, type, body);
  if (envelope == nullptr) return runtime_.refuse(Errc::no_memory);
  const MessageId id = envelope->id;
  if (auto delivered = runtime_.deliver_data(to, std::move(envelope)); !delivered) {
    return Refused(delivered.error());
  }
  return id;
}

Result<MessageId> Context::send(std::string_view to, Message message) {
  const auto id = runtime_.resolve(to);
  if (!id) return Refused(id.error());
  return send(*id, std::move(message));
}

Result<RequestId> Context::request(ActorId to, Message message, const RequestOptions& options) {
  if (message.payload.size() > payload_bytes_max) return runtime_.refuse(Errc::too_large);
  if (options.deadline <= Duration::zero() || options.deadline > request_deadline_max) {
    return runtime_.refuse(Errc::bad_arg);
  }
  auto& requests = cell_.requests();
  if (requests.asked() >= runtime_.limits.requests_per_actor_max) {
    return runtime_.refuse(Errc::requests_full);
  }
  CallChain chain = cell_.chain();
  const bool goes_round = to == self() || chain.has(to);
  if ((goes_round && !options.may_cycle) || chain.depth() >= CallChain::depth_max) {
    return runtime_.refuse(Errc::call_cycle);
  }
  auto envelope = runtime_.try_make_envelope(Kind::request, cell_, std::move(message));
  if (envelope == nullptr) return runtime_.refuse(Errc::no_memory);
  const RequestId id = requests.next_id();
  envelope->request = id;
  envelope->deadline = (options.asked_at ? *options.asked_at : now()) + options.deadline;
  envelope->fails_fast = options.fail_fast;
  envelope->chain = chain;
  // On the books before it leaves: its answer may come on another thread at once, but is only read
  // in a later turn of this actor.
  TimerKey timer{};
  if (options.is_timed) {
    timer = runtime_.timers.set(envelope->deadline, {Due::What::request_deadline, cell_.id(),
                                                     static_cast<std::uint64_t>(id)});
  }
  if (auto delivered = runtime_.deliver(to, std::move(envelope)); !delivered) {
    (void)runtime_.timers.cancel(timer);
    return Refused(delivered.error());
  }
  requests.on_asked(id, {timer, std::move(chain)});
  return id;
}

Result<void> Context::reply(RequestRef request, Message message) {
  if (message.payload.size() > payload_bytes_max) return runtime_.refuse(Errc::too_large);
  if (!cell_.requests().close(request)) return runtime_.refuse(Errc::no_request);
  auto envelope = runtime_.make_envelope(Kind::reply);
  envelope->sender = cell_.id();
  envelope->sender_name = cell_.name();
  envelope->type = NameRef(message.type);
  envelope->payload = std::move(message.payload);
  runtime_.reply(request, std::move(envelope));
  return {};
}

Result<void> Context::reply_error(RequestRef request, Errc error, std::string_view text) {
  if (!cell_.requests().close(request)) return runtime_.refuse(Errc::no_request);
  runtime_.reply_error(request, error, text);
  return {};
}

Result<Published> Context::publish(std::string_view topic, const Message& message,
                                   PublishOptions options) {
  const auto address = Address::join(name(), topic.empty() ? default_topic : topic);
  if (!address) return runtime_.refuse(address.error());
  return publish_as(*address, message, options);
}

Result<Published> Context::publish_as(const Address& address, const Message& message,
                                      PublishOptions options) {
  return runtime_.topics.publish(address, {cell_.id(), cell_.name(), &message, options});
}

Result<Topic*> Context::topic_at(const Address& address) {
  const auto found = runtime_.topics.find_or_make(address);
  if (!found) return runtime_.refuse(found.error());
  return found;
}

Result<Published> Context::publish_on(Topic& topic, const Message& message,
                                      PublishOptions options) {
  return runtime_.topics.publish(topic, {cell_.id(), cell_.name(), &message, options});
}

Result<Subscribed> Context::subscribe(const Pattern& pattern, SubscribeOptions options) {
  auto& held = cell_.subscriptions_;
  const auto known = subscription_of(pattern);
  if (known == SubscriptionId{} && (held.size() >= runtime_.limits.subscriptions_per_actor_max ||
                                    runtime_.world.faults.strike(FaultSite::subscribe))) {
    return runtime_.refuse(Errc::subs_full);
  }
  auto subscribed = runtime_.topics.subscribe(cell_, known, pattern, options);
  if (!subscribed) return runtime_.refuse(subscribed.error());
  held.try_emplace(subscribed->id, pattern);
  return subscribed;
}

SubscriptionId Context::subscription_of(const Pattern& pattern) const {
  const auto id = runtime_.topics.id_of(self(), pattern);
  // One that was made on its behalf is not its own.
  return cell_.subscriptions_.contains(id) ? id : SubscriptionId{};
}

Result<void> Context::unsubscribe(SubscriptionId id) {
  auto& held = cell_.subscriptions_;
  const auto found = held.find(id);
  if (found == held.end()) return runtime_.refuse(Errc::no_sub);
  runtime_.topics.unsubscribe(id, found->second);
  held.erase(found);
  return {};
}

Result<void> Context::watch_interest(std::string_view topics) {
  std::string text(name());
  text.append(1, '/').append(topics.empty() ? default_topic : topics);
  const auto pattern = Pattern::parse(text);
  if (!pattern) return runtime_.refuse(Errc::bad_addr);
  auto& interests = cell_.holdings().interests;
  const bool is_known = interests.contains(pattern->text());
  if (!is_known && interests.size() >= runtime_.limits.subscriptions_per_actor_max) {
    return runtime_.refuse(Errc::subs_full);
  }
  interests.insert(pattern->text());
  runtime_.topics.watch_interest(self(), *pattern);
  return {};
}

Result<Spawned> Context::spawn(const SpawnRequest& request) {
  if (is_reserved(request.name)) return runtime_.refuse(Errc::reserved_name);
  // A client has no type that could say how its children are supervised.
  if (request.as_child && cell_.is_client()) return runtime_.refuse(Errc::bad_arg);
  const auto opened = runtime_.spawn(request, {.parent = request.as_child ? self() : nobody,
                                               .spawner = request.tell_started ? self() : nobody});
  if (!opened) return runtime_.refuse(opened.error());
  if (!opened->existed) {
    if (request.as_child) cell_.holdings().supervisor.add(opened->id, opened->restart);
    opened->cell->executor().post(*opened->cell);
  }
  return Spawned{opened->id, opened->existed};
}

Result<std::vector<ActorId>> Context::spawn_group(std::span<const SpawnRequest> members) {
  if (members.empty() || cell_.is_client()) return runtime_.refuse(Errc::bad_arg);
  for (const auto& member : members) {
    if (is_reserved(member.name)) return runtime_.refuse(Errc::reserved_name);
  }
  auto spawned = cell_.spawn_group(members);
  if (!spawned) return runtime_.refuse(spawned.error());
  return spawned;
}

Result<void> Context::detach(ActorId child) {
  if (auto detached = cell_.detach(child); !detached) return runtime_.refuse(detached.error());
  return {};
}

Result<void> Context::stop(ActorId id, StopVerb verb, std::optional<Duration> deadline) {
  if (auto asked = runtime_.stop(id, verb, deadline); !asked) return runtime_.refuse(asked.error());
  return {};
}

Result<void> Context::monitor(ActorId id) {
  auto& watching = cell_.holdings().watching;
  if (std::find(watching.begin(), watching.end(), id) != watching.end()) return {};
  if (watching.size() >= runtime_.limits.monitors_per_actor_max) {
    return runtime_.refuse(Errc::bad_arg);
  }
  Cell* cell = runtime_.directory.at(id);
  watching.push_back(id);
  const auto added =
      cell == nullptr ? Result<void>(Refused(Errc::no_actor)) : cell->add_watcher(self(), id);
  if (added) return {};
  auto down = runtime_.make_envelope(Kind::down);
  down->sender = id;
  down->payload = Payload(token(added.error()));
  return runtime_.deliver(self(), std::move(down));
}

Result<void> Context::demonitor(ActorId id) {
  if (std::erase(cell_.holdings().watching, id) == 0) return runtime_.refuse(Errc::no_sub);
  if (Cell* cell = runtime_.directory.at(id); cell != nullptr) cell->remove_watcher(self(), id);
  return {};
}

Result<void> Context::watch(std::string_view name) {
  auto& names = cell_.holdings().watched_names;
  if (names.contains(name)) return {};
  if (names.size() >= runtime_.limits.monitors_per_actor_max) {
    return runtime_.refuse(Errc::subs_full);
  }
  // Known before it is watched: the end may come at once.
  const auto known = names.emplace(name).first;
  auto watched = runtime_.watch(name, self());
  if (!watched) names.erase(known);
  return watched;
}

Result<void> Context::unwatch(std::string_view name) {
  auto& names = cell_.holdings().watched_names;
  const auto known = names.find(name);
  if (known == names.end()) return runtime_.refuse(Errc::no_sub);
  names.erase(known);
  runtime_.unwatch(name, self());
  return {};
}

void Context::stop_self() noexcept { cell_.signal(Signal::stop_self, self()); }

Result<TimerId> Context::set_timer(Duration delay, Duration period) {
  if (delay < Duration::zero() || period < Duration::zero()) return runtime_.refuse(Errc::bad_arg);
  auto& held = cell_.holdings();
  if (held.timers.size() >= runtime_.limits.timers_per_actor_max ||
      runtime_.world.faults.strike(FaultSite::timer_set)) {
    return runtime_.refuse(Errc::timers_full);
  }
  const TimePoint when = later(now(), delay);
  const TimerId id{++held.last_timer};
  const TimerKey key =
      runtime_.timers.set(when, {Due::What::user_timer, self(), static_cast<std::uint64_t>(id)});
  held.timers.emplace(id, Holdings::Timer{key, period, when, cell_.makes_self_});
  return id;
}

Result<void> Context::cancel_timer(TimerId id) {
  auto& timers = cell_.holdings().timers;
  const auto found = timers.find(id);
  if (found == timers.end()) return runtime_.refuse(Errc::no_timer);
  (void)runtime_.timers.cancel(found->second.key);
  timers.erase(found);
  return {};
}

void Context::hold_back(SubscriptionId id) { cell_.mailbox_.hold(id); }

void Context::let_through(SubscriptionId id) { cell_.mailbox_.release(id); }

void Context::lose_all_of(SubscriptionId id) {
  cell_.mailbox_.lose_all_of(id, {&runtime_.fates, cell_.id_});
}

void Context::note_to_self(RequestId id) {
  auto note = runtime_.make_envelope(Kind::barrier);
  note->request = id;
  (void)runtime_.deliver(self(), std::move(note));
}

}  // namespace backstage
