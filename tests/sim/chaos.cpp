#include "tests/sim/chaos.hpp"

#include <algorithm>

#include "tests/sim/player.hpp"

namespace backstage::sim {
namespace {

Checks checks_of(const Swarm& swarm) {
  Checks checks;
  checks.sequences_are_whole =
      !swarm.has_fault(FaultSite::accept) && !swarm.has_fault(FaultSite::allocate);
  checks.notices_arrive = !swarm.has_fault(FaultSite::receive);
  checks.matches_are_known = !swarm.activates_by_topic;
  return checks;
}

}  // namespace

Chaos::Chaos(std::uint64_t seed, Journal& journal)
    : journal_(journal),
      dice_(seed),
      succession_dice_(~seed),
      has_successions_(succession_dice_.one_in(2)),
      swarm_(draw_swarm(dice_)),
      faults_(dice_),
      schedule_(dice_, journal),
      witness_(journal, checks_of(swarm_)) {
  Limits limits;
  limits.actors_max = dice_.one_in(4) ? 6 : 64;
  limits.subscriptions_per_actor_max = 4;
  limits.timers_per_actor_max = 4;
  limits.requests_per_actor_max = 4;
  limits.monitors_per_actor_max = 4;
  limits.dead_letters_max = 16;
  limits.retained_bytes_max = 400;
  limits.topics_max = 24;
  engine_ = std::make_unique<Engine>(
      World{clock_, schedule_, alarm_, faults_, witness_, dice_.next()}, limits);
}

Chaos::~Chaos() = default;

void Chaos::run() {
  set_up();
  play();
  if (!journal_.is_violated()) settle();
  if (!journal_.is_violated()) end();
}

void Chaos::set_up() {
  schedule_.choose(swarm_.policy, swarm_.pct_depth, swarm_.steps);
  for (auto type : swarm_.types) {
    type.factory = std::make_shared<Factory>(*this);
    (void)engine_->add_type(std::move(type));
  }
  if (swarm_.activates_by_name) {
    ActivationRule rule{"a{1}", "t0", std::nullopt, swarm_.idle, swarm_.activation_max, ""};
    if (swarm_.activates_by_topic) rule.on = *Pattern::parse("a0/*");
    (void)engine_->add_activation(std::move(rule));
  }
  for (std::uint32_t i = 0; i < swarm_.clients; ++i) {
    const auto name = "c" + std::to_string(i);
    Mailbox::Options mailbox;
    mailbox.limits = {dice_.between(1, 6), dice_.between(100, 400)};
    mailbox.notes_losses = true;
    auto client = engine_->attach(name, std::make_unique<Player>(*this, true), schedule_, mailbox);
    if (client) clients_.push_back({*client, (*client)->id()});
  }
  for (std::uint32_t i = 0; i < swarm_.actors; ++i) {
    const auto type = any_type();
    const auto name = "a" + std::to_string(i);
    (void)engine_->spawn({.type = type, .name = name});
  }
  for (std::size_t i = 0; i < fault_site_count; ++i) {
    faults_.set(static_cast<FaultSite>(i), swarm_.fault_odds[i]);
  }
}

void Chaos::play() {
  for (std::uint32_t i = 0; i < swarm_.steps && !journal_.is_violated(); ++i) {
    if (has_successions_ && succession_dice_.one_in(16)) succeed_somebody();
    if (dice_.one_in(swarm_.outside_one_in)) {
      act_from_outside();
    } else {
      step_or_wait();
    }
  }
}

void Chaos::step_or_wait() {
  if (Cell* cell = schedule_.run_one(); cell != nullptr) return check_cell(*cell);
  const TimePoint next = engine_->fire_due(clock_.now());
  if (next != never) clock_.set(std::max(next, clock_.now()));
  (void)engine_->fire_due(clock_.now());
}

// Bounds and books of the cell that has just run; the whole engine's, now and then.
void Chaos::check_cell(const Cell& cell) {
  if (!cell.mailbox().is_consistent()) journal_.violate("I6: a mailbox is out of its bounds");
  if (!cell.mailbox().ledger().is_balanced()) journal_.violate("I1: a cell's ledger is off");
}

void Chaos::act_from_outside() {
  const auto name = any_name();
  switch (dice_.below(7)) {
    case 0: {
      const auto topic = any_topic();
      const auto address = *Address::join(name, topic);
      const Payload payload = any_payload(witness_.next_number());
      const bool retain = dice_.one_in(3);
      const auto published = engine_->publish(address, {{}, payload}, "out", {retain});
      if (published) witness_.published(address, *published);
      return;
    }
    case 1:
      clock_.set(clock_.now() + millis(dice_.below(300)));
      (void)engine_->fire_due(clock_.now());
      return;
    case 2:
      if (const auto id = engine_->find(name)) lifecycle_from_outside(*id);
      return;
    case 3: {
      const auto type = any_type();
      (void)engine_->spawn({.type = type, .name = name});
      return;
    }
    case 4:
      return resume_clients();
    default: {
      const auto number = witness_.next_number();
      if (engine_->send(name, {{}, any_payload(number)}, "out")) {
        witness_.accepted(number, *engine_->find(name), Kind::send);
      }
    }
  }
}

void Chaos::lifecycle_from_outside(ActorId id) {
  const bool is_client = engine_->is_client(id);
  if (dice_.one_in(2)) {
    (void)engine_->unpark(id);
  } else if (!is_client || dice_.one_in(4)) {
    const auto how = static_cast<StopVerb>(dice_.below(3));
    (void)engine_->stop(id, how, millis(dice_.below(300)));
  }
}

// Now and then the type of new spawns changes with it, or the one before is called off.
void Chaos::succeed_somebody() {
  std::vector<ActorInfo> actors = engine_->actors();
  std::erase_if(actors, [](const ActorInfo& actor) { return actor.type == "client"; });
  if (actors.empty()) return;
  const auto& actor = actors[succession_dice_.below(static_cast<std::uint32_t>(actors.size()))];
  ActorTypePtr next;
  for (const auto& type : engine_->types()) {
    if (type->name == actor.type) next = std::make_shared<const ActorType>(*type);
  }
  if (next == nullptr) return;
  if (succession_dice_.one_in(4) && !engine_->replace_type(next)) {
    journal_.violate("a type that is there cannot be replaced");
  }
  const auto succession = std::make_shared<PlayerSuccession>(*this);
  const auto when =
      succession_dice_.one_in(2) ? SuccessionTime::next_turn : SuccessionTime::behind_mail;
  ++successions_open_;
  if (!engine_->succeed(actor.id, succession, next, when)) --successions_open_;
  if (succession_dice_.one_in(8)) engine_->call_off(actor.id, *succession);
}

void Chaos::resume_clients() {
  for (const auto& client : clients_) client.cell->signal(Signal::resume, client.id);
}

bool Chaos::run_until_quiet(std::uint32_t steps_max) {
  resume_clients();
  for (std::uint32_t i = 0; i < steps_max; ++i) {
    if (Cell* cell = schedule_.run_one(); cell != nullptr) {
      check_cell(*cell);
      continue;
    }
    const TimePoint next = engine_->fire_due(clock_.now());
    if (schedule_.has_work()) continue;
    // Periodic timers and idle checks never end; this is longer than any wait of a run.
    if (next == never || next > quiet_by_) return true;
    clock_.set(std::max(next, clock_.now()));
    (void)engine_->fire_due(clock_.now());
  }
  return false;
}

// Liveness: without faults and new work everything comes to rest.
void Chaos::settle() {
  faults_.heal();
  is_peaceful_ = true;
  schedule_.choose(Schedule::Policy::random, 0, 1);
  quiet_by_ = clock_.now() + std::chrono::seconds(4);
  if (!run_until_quiet(60'000)) return journal_.violate("liveness: no rest without new work");
  std::set<ActorId> parked;
  for (const auto& actor : engine_->actors()) {
    const bool is_parked = actor.phase == "parked";
    if (is_parked) parked.insert(actor.id);
    if (!actor.ledger.is_balanced()) journal_.violate("I1: an actor's ledger does not close");
    // A parked actor may hold the message it failed on, to try it again.
    if (actor.ledger.running != 0 && !is_parked)
      journal_.violate("I1: a message is neither queued nor settled");
    if (actor.ledger.queued != 0 && !is_parked) journal_.violate("liveness: mail is left lying");
    if (actor.phase != "running" && !is_parked) journal_.violate("liveness: stuck " + actor.phase);
  }
  witness_.check_quiet(*engine_, parked);
  // A parked actor comes back when it is told to, and takes mail again.
  for (const ActorId id : parked) {
    if (!engine_->unpark(id)) journal_.violate("a parked actor cannot be unparked");
  }
  quiet_by_ = clock_.now() + std::chrono::seconds(4);
  if (!run_until_quiet(60'000)) return journal_.violate("liveness: no rest after unparking");
  for (const ActorId id : parked) {
    const auto number = witness_.next_number();
    const auto sent = engine_->send(id, {{}, numbered(number, 8)}, "out");
    if (!sent && sent.error() != Errc::no_actor) {  // it may have been idle, and passivated
      journal_.violate("an unparked actor refuses mail: " + std::string(token(sent.error())));
    } else if (sent) {
      witness_.accepted(number, id, Kind::send);
    }
  }
}

void Chaos::end() {
  engine_->close_intake();
  engine_->stop_all();
  for (const auto& client : clients_) (void)engine_->stop(client.id, StopVerb::stop);
  quiet_by_ = never;
  if (!run_until_quiet(60'000)) journal_.violate("liveness: the engine does not stop");
  witness_.check_over(*engine_);
  if (successions_open_ != 0) journal_.violate("I9: a succession nobody was told the outcome of");
  const Ledger ledger = engine_->stats().ledger;
  journal_.note(ledger.accepted);
  journal_.note(ledger.dropped_total());
  journal_.note(ledger.refused_total());
}

std::string Chaos::any_name() {
  const auto at = dice_.below(swarm_.actors + swarm_.clients);
  if (at < swarm_.actors) return "a" + std::to_string(at);
  return "c" + std::to_string(at - swarm_.actors);
}

std::string Chaos::any_topic() { return std::to_string(dice_.below(3) + 1); }
std::string Chaos::any_type() {
  return "t" + std::to_string(dice_.below(static_cast<std::uint32_t>(swarm_.types.size())));
}

Pattern Chaos::any_pattern() {
  const std::string actor = dice_.one_in(4) ? "*" : any_name();
  const std::string topic = dice_.one_in(3) ? ">" : any_topic();
  return *Pattern::parse(actor + "/" + topic);
}

Payload Chaos::any_payload(std::uint64_t number) {
  const std::uint32_t bytes = dice_.one_in(4) ? dice_.between(60, 200) : dice_.between(8, 40);
  return numbered(number, bytes);
}

}  // namespace backstage::sim
