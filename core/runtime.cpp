#include "core/runtime.hpp"

#include <algorithm>
#include <new>

namespace backstage {

Runtime::Runtime(const World& given_world, const Limits& given_limits)
    : world(given_world),
      limits(given_limits),
      timers(given_world.alarm),
      dead_letters(given_limits.dead_letters_max, given_limits.dead_letter_bytes_max),
      topics(*this, limits),
      directory(*this, given_limits.actors_max) {}

MessageId Runtime::next_message_of(Home* here) noexcept {
  // One count for all threads would go from core to core with every message.
  constexpr std::uint64_t block = 256;
  if (here == nullptr) {
    return MessageId{last_message.fetch_add(1, std::memory_order_relaxed) + 1};
  }
  if (here->numbers.whose != this) {
    const std::lock_guard lock(counters_mutex);
    here->numbers.whose = this;
    counters.push_back(here);
  }
  const std::uint64_t before = last_message.fetch_add(block, std::memory_order_relaxed);
  // `given` last, and `last` first: no number between an old and a new block looks free.
  here->numbers.last.store(before + block, std::memory_order_relaxed);
  here->numbers.given.store(before + 1, std::memory_order_relaxed);
  return MessageId{before + 1};
}

bool Runtime::is_given(MessageId id) const {
  const auto number = static_cast<std::uint64_t>(id);
  if (number == 0 || number > last_message.load(std::memory_order_relaxed)) return false;
  const std::lock_guard lock(counters_mutex);
  return std::ranges::none_of(counters, [number](const Home* home) {
    return number > home->numbers.given.load(std::memory_order_relaxed) &&
           number <= home->numbers.last.load(std::memory_order_relaxed);
  });
}

EnvelopePtr Runtime::try_make_envelope(Kind kind) noexcept {
  if (world.faults.strike(FaultSite::allocate)) return nullptr;
  try {
    return make_envelope(kind);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

// splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
std::uint64_t Runtime::chance() noexcept {
  constexpr std::uint64_t gamma = 0x9E3779B97F4A7C15U;
  const auto step = chances.fetch_add(1, std::memory_order_relaxed) + 1;
  std::uint64_t z = world.seed + step * gamma;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

Result<void> Runtime::deliver(ActorId to, EnvelopePtr envelope) {
  Cell* const cell = directory.at(to);
  if (cell == nullptr) return refuse(Errc::no_actor);
  if (is_data(envelope->kind) && world.faults.strike(FaultSite::accept)) {
    return refuse(Errc::mailbox_full);
  }
  return hand_over(*cell, to, std::move(envelope));
}

Result<void> Runtime::hand_over(Cell& cell, ActorId to, EnvelopePtr envelope) {
  const PushResult result = cell.accept(envelope, to);
  if (result.verdict == PushVerdict::refused) return Refused(result.why);
  if (result.woke_owner) cell.executor().post(cell);
  return {};
}

Refused Runtime::refuse(Errc why) noexcept {
  refused[static_cast<std::size_t>(why)].fetch_add(1, std::memory_order_relaxed);
  return Refused(why);
}

void Runtime::reply(RequestRef request, EnvelopePtr envelope) {
  envelope->kind = Kind::reply;
  envelope->request = request.id;
  // A requester that is gone has nobody to tell; deliver counts it.
  (void)deliver(request.from, std::move(envelope));
}

void Runtime::reply_error(RequestRef request, Errc error, std::string_view text) {
  auto envelope = make_envelope(Kind::reply);
  envelope->is_error = true;
  envelope->error = error;
  envelope->payload = Payload(text);
  reply(request, std::move(envelope));
}

Result<ActorId> Runtime::resolve(std::string_view name) {
  if (const auto found = directory.find(name); found && directory.is_alive(*found)) return found;
  if (!is_actor_name(name)) return refuse(Errc::bad_name);
  const auto activation = activations.by_name(name);
  if (!activation) return refuse(Errc::no_actor);
  auto id = activate(*activation);
  if (!id) return refuse(id.error());
  return id;
}

Result<ActorId> Runtime::activate(const Activation& activation) {
  const auto& rule = activations.rule(activation.rule);
  // An actor that ends gives its name free a moment after it closes its mailbox.
  constexpr int tries_max = 10'000;
  for (int i = 0; i < tries_max; ++i) {
    const SpawnRequest request{.type = rule.type, .name = activation.name, .config = rule.config};
    auto opened = spawn(request, {.activation = &activation});
    if (!opened) return Refused(opened.error());
    if (opened->existed && !directory.is_alive(opened->id)) continue;
    // Subscribed before it runs: it could end before it has what made it.
    const auto subscribed = activation.subscription
                                ? topics.subscribe_for(opened->id, *activation.subscription)
                                : Result<void>{};
    if (!opened->existed) opened->cell->executor().post(*opened->cell);
    if (!subscribed) return Refused(subscribed.error());
    return opened->id;
  }
  return Refused(Errc::stopping);
}

Result<Runtime::Opened> Runtime::spawn(const SpawnRequest& request, const SpawnOrigin& origin) {
  if (!is_actor_name(request.name)) return Refused(Errc::bad_name);
  if (intake_closed.load(std::memory_order_relaxed)) return Refused(Errc::stopping);
  auto found = types.find(request.type);
  if (world.faults.strike(FaultSite::spawn)) return Refused(Errc::actors_full);
  if (!found) return Refused(Errc::no_type);
  const ActorType& type = **found;
  CellOptions options;
  options.name = request.name;
  options.type = *std::move(found);
  options.config = request.config;
  options.parent = origin.parent;
  options.executor = &world.executor;
  options.mailbox = {request.mailbox.value_or(type.mailbox),
                     request.overflow.value_or(type.overflow), false};
  if (!is_valid(options.mailbox)) return Refused(Errc::bad_arg);
  options.restart = request.restart.value_or(type.supervision.restart);
  options.tell_started = origin.spawner;
  options.is_gated = origin.is_gated;
  const Activation* activation = origin.activation;
  // Asked for again and again, a living actor costs no claim.
  const bool is_pinned = type.dispatcher == Dispatcher::pinned && world.pinned != nullptr;
  if (activation != nullptr || is_pinned) {
    if (const auto holder = directory.find(request.name)) return existing(*holder, type);
  }
  if (activation != nullptr) {
    if (!activations.claim(activation->rule)) return Refused(Errc::activation_limit);
    options.rule = activation->rule;
    options.idle = activations.rule(activation->rule).idle;
  }
  if (is_pinned) options.executor = world.pinned->claim();
  Executor* const executor = options.executor;
  const Restart restart = options.restart;
  const auto opened = executor == nullptr ? Result<Directory::Opened>(Refused(Errc::threads_full))
                                          : directory.open(options);
  if (!opened || opened->existed) {
    if (activation != nullptr) activations.release(activation->rule);
    if (is_pinned && executor != nullptr) world.pinned->unclaim(*executor);
  }
  if (!opened) return Refused(opened.error());
  if (opened->existed) return existing(opened->id, type);
  wake_watchers(request.name, *opened->cell, opened->id);
  world.observer.spawned(opened->id, request.name, request.type);
  return Opened{opened->id, opened->cell, false, restart};
}

Result<Runtime::Opened> Runtime::existing(ActorId id, const ActorType& type) const {
  const auto name = directory.type_of(id);
  if (name == "client") return Refused(Errc::name_in_use);
  if (!name.empty() && name != type.name) return Refused(Errc::type_mismatch);
  return Opened{id, directory.at(id), true};
}

Result<void> Runtime::stop(ActorId id, StopVerb verb, std::optional<Duration> deadline) {
  if (deadline && *deadline < Duration::zero()) return Refused(Errc::bad_arg);
  Cell* cell = directory.at(id);
  if (cell == nullptr || !directory.is_alive(id)) return Refused(Errc::no_actor);
  constexpr std::array<Signal, 3> signals{Signal::stop, Signal::drain, Signal::kill};
  cell->ask_to_end(signals[static_cast<std::size_t>(verb)], deadline, id);
  return {};
}

Result<void> Runtime::watch(std::string_view name, ActorId watcher) {
  // An actor that is ending refuses, and is about to give up its name.
  constexpr int tries_max = 1'000;
  for (int tries = 0; tries < tries_max; ++tries) {
    if (const auto holder = directory.find(name)) {
      const auto added = directory.at(*holder)->add_watcher_by_name(watcher, *holder);
      if (added || added.error() == Errc::parked) return added;
      continue;
    }
    if (!activations.by_name(name)) break;
    sleepers.add(name, watcher);
    // Whoever got the name meanwhile may have looked for sleepers too early.
    if (!directory.find(name) || !sleepers.remove(name, watcher)) return {};
  }
  return Refused(Errc::no_actor);
}

void Runtime::unwatch(std::string_view name, ActorId watcher) {
  (void)sleepers.remove(name, watcher);
  const auto holder = directory.find(name);
  if (holder) directory.at(*holder)->remove_watcher_by_name(watcher, *holder);
}

void Runtime::wake_watchers(std::string_view name, Cell& cell, ActorId id) {
  for (const ActorId watcher : sleepers.take(name)) {
    (void)cell.add_watcher_by_name(watcher, id);
  }
}

void Runtime::fire(const Due& due) {
  Cell* cell = directory.at(due.who);
  if (cell == nullptr) return;
  switch (due.what) {
    case Due::What::user_timer: {
      auto envelope = make_envelope(Kind::timer);
      envelope->timer = TimerId{due.number};
      (void)deliver(due.who, std::move(envelope));
      return;
    }
    case Due::What::request_deadline:
      reply_error({due.who, RequestId{due.number}}, Errc::timeout, sentence(Errc::timeout));
      return;
    case Due::What::backoff_over:
      cell->signal(Signal::backoff_over, due.who);
      return;
    case Due::What::end_overdue:
      cell->on_end_overdue(due.who);
      return;
    case Due::What::idle_check:
      cell->signal(Signal::idle, due.who);
      return;
  }
}

void Runtime::keep_letter(const Envelope& envelope, DeadCause cause, std::string_view target,
                          std::string_view reason) {
  DeadLetter letter;
  letter.id = envelope.id;
  letter.cause = cause;
  letter.kind = envelope.kind;
  letter.attempts = envelope.attempts;
  letter.sender = envelope.sender_name.text();
  letter.target = target;
  letter.type = envelope.type;
  letter.reason = reason.substr(0, dead_reason_bytes_max);
  letter.payload = envelope.payload;
  letter.at = world.clock.now();
  letter.sender_id = envelope.sender;
  if (envelope.topic != nullptr) {
    letter.address = envelope.topic->address.text();
    letter.seq = envelope.seq;
    letter.subscription = envelope.subscription;
  }
  dead_letters.add(std::move(letter));
}

void Runtime::tell_given_up(const Envelope& envelope, DeadCause cause, std::string_view target,
                            std::string_view reason, Errc answer) {
  if (envelope.kind == Kind::request) reply_error(envelope.request_ref(), answer, reason);
  world.observer.dead_letter(cause, target, reason);
  // What was itself a notice of a dead letter is not announced again: that could go round for ever.
  if (envelope.topic != nullptr && envelope.topic->address.actor() == "$dead") return;
  const auto address = Address::join("$dead", token(cause));
  const Message message{envelope.type, envelope.payload};
  (void)topics.publish(*address, {envelope.sender, envelope.sender_name, &message, {}});
}

}  // namespace backstage
