#include "core/explain.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/runtime.hpp"

namespace backstage {
namespace {

RuleFacts facts_of(const Runtime& runtime, std::size_t index) {
  const auto& rule = runtime.activations.rule(index);
  return {rule.activate, rule.type, runtime.activations.living(index), rule.max,
          runtime.types.find(rule.type).has_value()};
}

std::string name_of(const Runtime& runtime, ActorId id) {
  std::string name;
  (void)runtime.directory.visit(id, [&](const Cell& cell) { name = cell.name().text(); });
  return name;
}

// Of a living cell, under its own lock; its mailbox's is a leaf below that.
void describe(const Cell& cell, NameFacts& facts) {
  facts.type = cell.type_name();
  facts.phase = cell.phase();
  facts.restarts = cell.restarts();
  facts.mailbox = cell.mailbox().depth();
  facts.ledger = cell.mailbox().ledger();
  facts.handling = cell.handling();
  facts.handled_last = cell.handled_last();
}

SubscriberFacts facts_of(const Runtime& runtime, const Pattern& pattern,
                         const Subscription& subscription) {
  SubscriberFacts facts;
  facts.pattern = pattern.text();
  facts.id = static_cast<std::uint64_t>(subscription.id);
  facts.overflow = subscription.overflow;
  (void)runtime.directory.visit(subscription.subscriber, [&](const Cell& cell) {
    facts.subscriber = cell.name().text();
    facts.is_full = cell.mailbox().depth().is_full();
    facts.is_parked = cell.phase() == Phase::parked;
  });
  return facts;
}

bool find_letter(const Runtime& runtime, MessageFacts& facts) {
  const auto letters = runtime.dead_letters.select({.id = facts.id});
  if (letters.empty()) return false;
  facts.state = MessageFacts::State::dead_letter;
  facts.letter = letters.front();
  facts.actor = facts.letter->target;
  facts.kind = facts.letter->kind;
  return true;
}

// Without the directory's lock: a cell and its mailbox may be asked at any time, and what comes of
// another life meanwhile is found there under its own id.
bool find_in_cells(const Runtime& runtime, MessageFacts& facts) {
  std::uint64_t looks_left = MessageFacts::looks_in_all_max;
  const std::uint32_t slots = runtime.directory.slots();
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    const Cell* cell = runtime.directory.at({slot, 1});
    if (cell == nullptr) continue;
    const Mailbox& mailbox = cell->mailbox();
    const auto found = mailbox.find(facts.id, std::min(MessageFacts::looks_max, looks_left));
    looks_left -= found.looked_at;
    facts.is_cut = facts.is_cut || found.is_cut;
    const auto handling = cell->handling();
    const bool is_last = cell->handled_last() == facts.id;
    if (found.found) {
      facts.state = MessageFacts::State::waiting;
      facts.kind = found.found->kind;
      facts.ahead = found.found->ahead;
    } else if (is_last && handling) {
      facts.state = MessageFacts::State::running;
      facts.kind = *handling;
    } else if (is_last && mailbox.ledger().running != 0) {
      facts.state = MessageFacts::State::held;
    } else {
      continue;
    }
    facts.actor = runtime.directory.name_in(slot);
    facts.is_cut = false;
    return true;
  }
  return false;
}

}  // namespace

NameFacts explain(const Runtime& runtime, std::string_view name) {
  NameFacts facts;
  facts.name = name;
  if (const auto activation = runtime.activations.by_name(name)) {
    facts.rule = facts_of(runtime, activation->rule);
  }
  const auto id = runtime.directory.find(name);
  if (!id) return facts;
  ActorId parent;
  (void)runtime.directory.visit(*id, [&](const Cell& cell) {
    facts.is_living = cell.phase() != Phase::ended;
    if (!facts.is_living) return;
    describe(cell, facts);
    parent = cell.parent();
  });
  if (!facts.is_living) return facts;
  facts.trouble = runtime.directory.at(*id)->trouble(*id);
  facts.parent = name_of(runtime, parent);
  return facts;
}

AddressFacts explain(const Runtime& runtime, const Address& address) {
  AddressFacts facts;
  facts.address = address.text();
  const auto view = runtime.topics.view(address, AddressFacts::looked_at_max);
  facts.is_known = view.is_known;
  facts.seq = view.seq;
  facts.is_retained = view.retained.has_value();
  if (view.retained) {
    facts.retained_seq = view.retained->seq;
    facts.retained_bytes = view.retained->payload.size();
  }
  facts.subscriptions = view.subscriptions;
  facts.looked_at = view.listed.size();
  std::vector<SubscriberFacts> well;
  for (const auto& [pattern, subscription] : view.listed) {
    auto subscriber = facts_of(runtime, pattern, subscription);
    facts.full += subscriber.is_full ? 1 : 0;
    facts.parked += subscriber.is_parked ? 1 : 0;
    auto& list = subscriber.is_full || subscriber.is_parked ? facts.listed : well;
    if (list.size() < AddressFacts::listed_max) list.push_back(std::move(subscriber));
  }
  well.resize(std::min(well.size(), AddressFacts::listed_max - facts.listed.size()));
  std::ranges::move(well, std::back_inserter(facts.listed));
  for (const auto& activation : runtime.activations.by_address(address)) {
    const auto holder = runtime.directory.find(activation.name);
    facts.activations.push_back({facts_of(runtime, activation.rule), activation.name,
                                 holder && runtime.directory.is_alive(*holder)});
  }
  return facts;
}

MessageFacts explain(const Runtime& runtime, MessageId id) {
  MessageFacts facts;
  facts.id = id;
  if (!runtime.is_given(id)) {
    facts.state = MessageFacts::State::never_given;
    return facts;
  }
  // In the order in which a message moves; and once more among the dead, where it may have gone.
  if (find_letter(runtime, facts) || find_in_cells(runtime, facts)) return facts;
  if (find_letter(runtime, facts)) return facts;
  const auto fate = runtime.fates.find(id);
  if (!fate) return facts;
  facts.state = MessageFacts::State::dropped;
  facts.is_cut = false;
  facts.cause = fate->cause;
  facts.actor = name_of(runtime, fate->who);
  return facts;
}

}  // namespace backstage
