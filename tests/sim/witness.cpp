#include "tests/sim/witness.hpp"

#include <algorithm>
#include <cstring>

#include "core/topics.hpp"

namespace backstage::sim {

std::optional<std::uint64_t> number_in(const Payload& payload) {
  if (payload.size() < sizeof(std::uint64_t)) return std::nullopt;
  std::uint64_t number = 0;
  std::memcpy(&number, payload.data(), sizeof number);
  return number;
}

Payload numbered(std::uint64_t number, std::size_t bytes) {
  std::string text(std::max(bytes, sizeof number), 'x');
  std::memcpy(text.data(), &number, sizeof number);
  return Payload(text);
}

void Witness::accepted(std::uint64_t number, ActorId to, Kind kind) {
  fates_[number] = {to};
  journal_.note(number);
  journal_.note(static_cast<std::uint64_t>(kind));
}

void Witness::subscribed(ActorId who, bool is_client, const Pattern& pattern,
                         const SubscribeOptions& options, const Subscribed& subscribed) {
  if (is_client) clients_.insert(who);
  if (options.snapshot) ++snapshots_asked_[who];
  const auto [known, is_new] =
      subscriptions_.try_emplace(subscribed.id, Known{who, is_client, pattern, std::nullopt});
  if (is_new == subscribed.existed) journal_.violate("I8: `existed` is wrong");
  const bool is_lossless = is_client && options.overflow != Overflow::reject;
  if (is_new && is_lossless && subscribed.seq) known->second.next = *subscribed.seq + 1;
  // Under `reject` a full session is refused, which is no loss and leaves no notice.
  if (!is_lossless) known->second.next.reset();
}

void Witness::unsubscribed(SubscriptionId id) { subscriptions_.erase(id); }

void Witness::monitored(ActorId watcher, ActorId target) { monitors_.insert({watcher, target}); }
void Witness::demonitored(ActorId watcher, ActorId target) { monitors_.erase({watcher, target}); }

void Witness::published(const Address& address, const Published& published) {
  auto& last = last_published_[address.text()];
  if (published.seq != last + 1) journal_.violate("I1: a sequence number was left out");
  last = published.seq;
  if (published.full > published.matched) journal_.violate("I1: more refused than offered");
  if (checks_.matches_are_known && published.matched != matches(address)) {
    journal_.violate("I8: a publish was offered to others than its subscribers");
  }
}

std::uint32_t Witness::matches(const Address& address) const {
  std::uint32_t clients = 0;
  std::set<ActorId> actors;
  for (const auto& [id, known] : subscriptions_) {
    if (!alive_.contains(known.who) || !known.pattern.matches(address)) continue;
    if (known.is_client) {
      ++clients;
    } else {
      actors.insert(known.who);
    }
  }
  return clients + static_cast<std::uint32_t>(actors.size());
}

Witness::SeenKey Witness::key_of(const Envelope& envelope, ActorId to) const {
  return {to, clients_.contains(to) ? envelope.subscription : SubscriptionId{}, envelope.topic};
}

void Witness::begins(Self& self, ActorId id) {
  self.id = id;
  selves_[id] = &self;
  if (!running_.insert(id).second) journal_.violate("I4: a second self beside the first");
}

void Witness::receives(Self& self, const Envelope& envelope) {
  journal_.note((std::uint64_t{self.id.slot} << 32U) | static_cast<std::uint64_t>(envelope.kind));
  if (self.has_ended) journal_.violate("I4: a message handled after the end");
  if (!running_.contains(self.id)) journal_.violate("I4: a message handled before the start");
  switch (envelope.kind) {
    case Kind::send:
    case Kind::request:
      if (const auto number = number_in(envelope.payload)) {
        check_order(envelope, self.id, *number);
      }
      if (envelope.kind == Kind::request) self.open.push_back(envelope.request_ref());
      break;
    case Kind::publish:
      check_publish(envelope, self.id);
      break;
    case Kind::gap:
      check_gap(envelope, self.id);
      break;
    case Kind::reply:
      if (self.asked.erase(envelope.request) == 0) {
        journal_.violate("I1: a reply to no open request of this self");
      }
      check_failure_told(envelope, self.id);
      break;
    case Kind::timer:
      if (self.once.erase(envelope.timer) == 0 && !self.periodic.contains(envelope.timer)) {
        journal_.violate("I7: a timer that this self does not have");
      }
      break;
    case Kind::down:
      check_down(envelope, self.id);
      break;
    case Kind::interest:
    case Kind::started:
    case Kind::barrier:
    case Kind::succession:
      break;
  }
}

void Witness::check_order(const Envelope& envelope, ActorId to, std::uint64_t number) {
  const auto fate = fates_.find(number);
  if (fate == fates_.end() || fate->second.to != to) {
    return journal_.violate("I1: a message handled that was never accepted there");
  }
  if (fate->second.handled != 0) journal_.violate("I1: a message handled twice");
  if (envelope.attempts < fate->second.failed + 1) {
    journal_.violate("I1: attempts are miscounted");
  }
  auto& last = last_of_pair_[{envelope.sender, to}];
  if (number < last) journal_.violate("I2: two messages of one sender in the wrong order");
  last = number;
}

void Witness::check_publish(const Envelope& envelope, ActorId to) {
  auto& last = seen_[key_of(envelope, to)];
  if (envelope.attempts > 1 && envelope.seq <= last) return;  // tried again
  if (envelope.is_snapshot) {
    if (++snapshots_[{to, envelope.topic}] > snapshots_asked_[to]) {
      journal_.violate("I8: more snapshots than were asked for");
    }
    last = std::max(last, envelope.seq);
    return;
  }
  if (envelope.seq <= last) journal_.violate("I2: a publish twice or out of order");
  last = envelope.seq;
  check_contiguous(envelope, envelope.seq);
}

// Every number of a subscription arrives, or is covered by one gap notice.
void Witness::check_contiguous(const Envelope& envelope, std::uint64_t last) {
  const auto known = subscriptions_.find(envelope.subscription);
  if (known == subscriptions_.end() || !known->second.next || !checks_.sequences_are_whole) return;
  if (envelope.seq != *known->second.next) {
    journal_.violate("I1: a hole in a sequence, without a gap notice");
  }
  known->second.next = last + 1;
}

void Witness::check_gap(const Envelope& envelope, ActorId to) {
  auto& last = seen_[key_of(envelope, to)];
  if (envelope.seq <= last || envelope.seq_last < envelope.seq) {
    journal_.violate("I1: a gap notice covers what was delivered");
  }
  last = envelope.seq_last;
  check_contiguous(envelope, envelope.seq_last);
}

void Witness::check_down(const Envelope& envelope, ActorId to) {
  if (monitors_.erase({to, envelope.sender}) == 0) {
    journal_.violate("I1: a down for no monitor, or the second");
  }
}

// Whoever waits for an actor that fails is told at once, not when its patience ends.
void Witness::check_failure_told(const Envelope& envelope, ActorId to) {
  if (must_fail_.erase({to, envelope.request}) == 0) return;
  if (!envelope.is_error || envelope.error != Errc::actor_failed) {
    journal_.violate("I1: a requester was not told of the failure");
  }
}

void Witness::settles(Self& self, const Envelope& envelope, bool is_handled) {
  // What failed may be tried again: its requester goes on waiting.
  if (!is_handled) std::erase(self.open, envelope.request_ref());
  const bool is_numbered = envelope.kind == Kind::send || envelope.kind == Kind::request;
  const auto number = is_numbered ? number_in(envelope.payload) : std::nullopt;
  if (is_handled && is_counted(envelope.kind)) ++handled_;
  if (!number) return;
  auto& fate = fates_[*number];
  ++(is_handled ? fate.handled : fate.failed);
}

void Witness::fails_open(const Self& self, TimePoint now) {
  for (const RequestRef& request : self.open) {
    const auto deadline = deadlines_.find(request);
    if (deadline != deadlines_.end() && deadline->second > now) must_fail_.insert(request);
  }
}

void Witness::passes(Self& former, Self& heir, bool is_fresh, TimePoint now) {
  journal_.note("passes");
  if (std::exchange(former.has_ended, true)) journal_.violate("I4: an ended self had an heir");
  selves_[heir.id] = &heir;
  if (is_fresh) return fails_open(former, now);
  for (const auto id : former.once) {
    if (!former.of_beginning.contains(id)) heir.once.insert(id);
  }
  heir.periodic.insert(former.periodic.begin(), former.periodic.end());
  heir.asked = former.asked;
  heir.open = former.open;
}

void Witness::ends(Self& self, EndReason reason, TimePoint now) {
  fails_open(self, now);
  journal_.note(token(reason));
  if (std::exchange(self.has_ended, true)) journal_.violate("I4: one self ended twice");
  running_.erase(self.id);
  selves_.erase(self.id);
}

void Witness::spawned(ActorId id, std::string_view name, std::string_view) noexcept {
  journal_.note("spawned");
  journal_.note(name);
  alive_.insert(id);
}
void Witness::started(ActorId id, std::string_view name, std::string_view) noexcept {
  journal_.note("started");
  journal_.note(name);
  if (!alive_.contains(id)) journal_.violate("I4: an actor started that is not there");
}
void Witness::failed(ActorId, std::string_view name, std::string_view reason) noexcept {
  journal_.note("failed");
  journal_.note(name);
  journal_.note(reason);
}
void Witness::restarting(ActorId, std::string_view name, Duration after) noexcept {
  journal_.note("restarting");
  journal_.note(name);
  journal_.note(static_cast<std::uint64_t>(after.count()));
}
void Witness::parked(ActorId, std::string_view name, std::string_view) noexcept {
  journal_.note("parked");
  journal_.note(name);
}
void Witness::abandoned(ActorId, std::string_view) noexcept {
  journal_.violate("an actor was abandoned, though no handler hangs");
}
void Witness::ended(ActorId id, std::string_view name, EndReason reason) noexcept {
  journal_.note("ended");
  journal_.note(name);
  journal_.note(token(reason));
  if (alive_.erase(id) == 0) journal_.violate("I4: one life ended twice");
}
void Witness::dead_letter(DeadCause cause, std::string_view target, std::string_view) noexcept {
  journal_.note("dead letter");
  journal_.note(target);
  journal_.note(static_cast<std::uint64_t>(cause));
  ++dead_;
}

// Every timer has fired, every request has ended, no fault has hit for long.
void Witness::check_quiet(const Engine& engine, const std::set<ActorId>& parked) {
  const Ledger ledger = engine.stats().ledger;
  if (!ledger.is_balanced()) journal_.violate("I1: the ledger does not close");
  if (ledger.handled != handled_) journal_.violate("I1: handled is miscounted");
  if (ledger.dead_lettered != dead_) journal_.violate("I1: dead letters are miscounted");
  if (!checks_.notices_arrive) return;
  for (const auto& [id, self] : selves_) {
    if (!self->asked.empty()) journal_.violate("I1: a request without an end");
  }
  for (const auto& [watcher, target] : monitors_) {
    const bool is_over = !alive_.contains(target) || parked.contains(target);
    const bool could_hear = running_.contains(watcher);
    if (is_over && could_hear) journal_.violate("I1: a monitor was not told of the end");
  }
}

void Witness::check_over(const Engine& engine) {
  const auto stats = engine.stats();
  if (!alive_.empty()) journal_.violate("liveness: an actor outlives the engine's end");
  if (!running_.empty()) journal_.violate("I4: a self was not ended");
  if (engine.hosted_actors() != 0) journal_.violate("liveness: the engine does not end");
  if (!stats.ledger.is_balanced()) journal_.violate("I1: the ledger does not close at the end");
  if (stats.ledger.queued != 0) journal_.violate("liveness: mail is left at the end");
  if (stats.ledger.queued_bytes != 0) journal_.violate("I6: bytes are left at the end");
  if (stats.ledger.running != 0) journal_.violate("I1: something runs at the end");
  if (stats.ledger.dead_lettered != dead_) journal_.violate("I1: dead letters are miscounted");
  if (stats.ledger.handled != handled_) journal_.violate("I1: handled is miscounted at the end");
  if (stats.subscriptions != 0) journal_.violate("I8: a subscription outlives its actor");
  if (stats.timers != 0) journal_.violate("I7: a timer outlives its actor");
  if (stats.activated != 0) journal_.violate("a rule counts actors that are gone");
}

}  // namespace backstage::sim
