#include "core/engine.hpp"

#include <algorithm>
#include <array>

#include "core/runtime.hpp"

namespace backstage {

Engine::Engine(const World& world, const Limits& limits)
    : runtime_(std::make_unique<Runtime>(world, limits)) {}

Engine::~Engine() = default;

Result<void> Engine::add_type(ActorTypePtr type) { return runtime_->types.add(std::move(type)); }
Result<void> Engine::add_type(ActorType type) {
  return add_type(std::make_shared<const ActorType>(std::move(type)));
}
Result<void> Engine::remove_type(std::string_view name) { return runtime_->types.remove(name); }
Result<void> Engine::replace_type(ActorTypePtr type) {
  return runtime_->types.replace(std::move(type));
}

Result<void> Engine::succeed(ActorId id, std::shared_ptr<Succession> succession, ActorTypePtr type,
                             SuccessionTime when) {
  Cell* const cell = runtime_->directory.at(id);
  if (cell == nullptr) return Refused(Errc::no_actor);
  auto noted = cell->expect({std::move(succession), std::move(type), when}, id);
  if (!noted) return noted;
  // Should it end before this comes, its end settles what was expected.
  if (when == SuccessionTime::next_turn) {
    cell->signal(Signal::news, id);
  } else {
    (void)runtime_->deliver(id, runtime_->make_envelope(Kind::succession));
  }
  return {};
}

void Engine::call_off(ActorId id, const Succession& succession) {
  Cell* const cell = runtime_->directory.at(id);
  if (cell != nullptr) cell->call_off(succession, id);
}

std::vector<ActorId> Engine::actors_of(const ActorType& type) const {
  std::vector<ActorId> all;
  runtime_->directory.for_each([&](const Cell& cell) {
    if (cell.type().get() == &type) all.push_back(cell.id());
  });
  return all;
}

std::vector<ActorTypePtr> Engine::types() const { return runtime_->types.list(); }
Result<void> Engine::add_activation(ActivationRule rule) {
  return runtime_->activations.add(std::move(rule));
}

Result<Spawned> Engine::spawn(const SpawnRequest& request) {
  const auto opened = runtime_->spawn(request, {});
  if (!opened) return runtime_->refuse(opened.error());
  if (!opened->existed) opened->cell->executor().post(*opened->cell);
  return Spawned{opened->id, opened->existed};
}

Result<Cell*> Engine::attach(std::string_view name, std::unique_ptr<Actor> actor,
                             Executor& executor, const Mailbox::Options& mailbox) {
  if (!is_actor_name(name)) return runtime_->refuse(Errc::bad_name);
  CellOptions options;
  options.name = name;
  options.executor = &executor;
  options.mailbox = mailbox;
  options.actor = std::move(actor);
  const auto opened = runtime_->directory.open(options);
  if (!opened) return runtime_->refuse(opened.error());
  if (opened->existed) return runtime_->refuse(Errc::name_in_use);
  runtime_->wake_watchers(name, *opened->cell, opened->id);
  runtime_->world.observer.spawned(opened->id, name, "client");
  executor.post(*opened->cell);
  return opened->cell;
}

Context Engine::context_of(Cell& cell) noexcept { return {*runtime_, cell}; }

Result<void> Engine::stop(ActorId id, StopVerb verb, std::optional<Duration> deadline) {
  auto asked = runtime_->stop(id, verb, deadline);
  if (!asked) return runtime_->refuse(asked.error());
  return asked;
}

Result<void> Engine::unpark(ActorId id) {
  Cell* cell = runtime_->directory.at(id);
  if (cell == nullptr || !runtime_->directory.is_alive(id)) return runtime_->refuse(Errc::no_actor);
  if (cell->phase() != Phase::parked) return runtime_->refuse(Errc::bad_arg);
  cell->ask_to_unpark(id);
  return {};
}

Result<ActorId> Engine::find(std::string_view name) const { return runtime_->directory.find(name); }

bool Engine::is_client(ActorId id) const { return runtime_->directory.type_of(id) == "client"; }

Result<MessageId> Engine::send(ActorId to, Message message, std::string_view from) {
  if (message.payload.size() > payload_bytes_max) return runtime_->refuse(Errc::too_large);
  if (runtime_->intake_closed) return runtime_->refuse(Errc::stopping);
  auto envelope = runtime_->try_make_envelope(Kind::send);
  if (envelope == nullptr) return runtime_->refuse(Errc::no_memory);
  if (!from.empty()) envelope->sender_name = NameRef(from);
  envelope->type = NameRef(message.type);
  envelope->payload = std::move(message.payload);
  const MessageId id = envelope->id;
  if (auto delivered = runtime_->deliver(to, std::move(envelope)); !delivered) {
    return Refused(delivered.error());
  }
  return id;
}

Result<MessageId> Engine::send(std::string_view to, Message message, std::string_view from) {
  const auto id = runtime_->resolve(to);
  if (!id) return Refused(id.error());
  return send(*id, std::move(message), from);
}

Result<Published> Engine::publish(const Address& address, const Message& message,
                                  std::string_view from, PublishOptions options) {
  if (runtime_->intake_closed) return runtime_->refuse(Errc::stopping);
  return runtime_->topics.publish(
      address, {nobody, from.empty() ? NameRef() : NameRef(from), &message, options});
}

Result<RetainedValue> Engine::retained(const Address& address) const {
  return runtime_->topics.retained(address);
}

EngineStats Engine::stats() const {
  EngineStats stats;
  stats.actors = runtime_->directory.living();
  stats.topics = runtime_->topics.count();
  stats.subscriptions = runtime_->topics.subscriptions();
  stats.timers = runtime_->timers.live();
  stats.retained_bytes = runtime_->topics.retained_bytes();
  stats.dead_letters = runtime_->dead_letters.size();
  stats.activated = runtime_->activations.living();
  stats.ledger = runtime_->directory.folded();
  for (std::size_t i = 0; i < errc_count; ++i) {
    stats.ledger.refused[i] += runtime_->refused[i].load(std::memory_order_relaxed);
  }
  runtime_->directory.for_each([&](const Cell& cell) { stats.ledger += cell.mailbox().ledger(); });
  return stats;
}

std::vector<ActorInfo> Engine::actors() const {
  std::vector<ActorInfo> all;
  std::vector<ActorId> parents;
  runtime_->directory.for_each([&](const Cell& cell) {
    ActorInfo info;
    info.id = cell.id();
    info.name = cell.name().text();
    info.type = cell.type_name();
    info.phase = token(cell.phase());
    info.restarts = cell.restarts();
    info.ledger = cell.mailbox().ledger();
    all.push_back(std::move(info));
    parents.push_back(cell.parent());
  });
  for (std::size_t i = 0; i < all.size(); ++i) {
    // They stand in the order of their slots, which is that of their ids.
    const auto parent = std::ranges::lower_bound(all, parents[i], {}, &ActorInfo::id);
    if (parent != all.end() && parent->id == parents[i]) all[i].parent = parent->name;
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return all;
}

std::vector<DeadLetter> Engine::dead_letters(const LetterQuery& query) const {
  std::vector<DeadLetter> copies;
  for (const auto& letter : runtime_->dead_letters.select(query)) copies.push_back(*letter);
  return copies;
}

LetterCounts Engine::letter_counts(DeadCause cause) const {
  return runtime_->dead_letters.counts(cause);
}

std::uint64_t Engine::drop_letters(const LetterQuery& query) {
  return runtime_->dead_letters.drop(query);
}

ReplayReport Engine::replay(const LetterQuery& query) {
  return backstage::replay(*runtime_, query);
}

NameFacts Engine::explain(std::string_view name) const {
  return backstage::explain(*runtime_, name);
}

AddressFacts Engine::explain(const Address& address) const {
  return backstage::explain(*runtime_, address);
}

MessageFacts Engine::explain(MessageId id) const { return backstage::explain(*runtime_, id); }

void Engine::time_out(RequestRef request) {
  const auto number = static_cast<std::uint64_t>(request.id);
  runtime_->fire({Due::What::request_deadline, request.from, number});
}

TimePoint Engine::fire_due(TimePoint now) {
  std::array<Due, 64> due{};
  // What is fired may set what is due at once.
  while (const std::size_t count = runtime_->timers.take_due(now, due)) {
    for (std::size_t i = 0; i < count; ++i) runtime_->fire(due[i]);
  }
  return runtime_->timers.next();
}

void Engine::close_intake() noexcept { runtime_->intake_closed = true; }

bool Engine::is_quiet() const {
  std::uint64_t busy = 0;
  runtime_->directory.for_each([&](const Cell& cell) {
    if (cell.is_client() || cell.phase() == Phase::backing_off || cell.phase() == Phase::parked) {
      return;
    }
    const Ledger ledger = cell.mailbox().ledger();
    busy += ledger.queued + ledger.running;
  });
  return busy == 0;
}

void Engine::stop_all() {
  std::vector<ActorId> roots;
  runtime_->directory.for_each([&](const Cell& cell) {
    const bool is_child = runtime_->directory.is_alive(cell.parent());
    if (!cell.is_client() && !is_child) roots.push_back(cell.id());
  });
  // The youngest first, as a supervisor would.
  std::reverse(roots.begin(), roots.end());
  for (const ActorId id : roots) {
    runtime_->directory.at(id)->ask_to_end(Signal::shutdown, std::nullopt, id);
  }
}

std::size_t Engine::hosted_actors() const { return runtime_->directory.hosted(); }

}  // namespace backstage
