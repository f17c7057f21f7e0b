// Asks actors to pass, a batch at a time, and keeps the books of who did.
#include "daemon/plugin_host/upgrade.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/engine.hpp"

namespace backstage::plugin_host {

Upgrade::Upgrade(Engine& engine, Side from, Side to, std::vector<TypePassage> plan, Rules rules,
                 TimePoint now)
    : engine_(engine),
      from_(std::move(from)),
      to_(std::move(to)),
      plan_(std::move(plan)),
      rules_(rules),
      has_canary_(plan_.size(), false) {
  for (std::size_t i = 0; i < plan_.size(); ++i) {
    planned_.push_back(succession(i, plan_[i].passage));
    fresh_.push_back(planned_[i] == nullptr ? nullptr : succession(i, Passage::fresh));
  }
  if (rules_.has_canary) {
    begin_canaries(now);
  } else {
    switch_types();
    gather_stragglers(now);
  }
}

Upgrade::~Upgrade() {
  for (const auto& [id, asked] : asked_) engine_.call_off(id, *succession_of(asked));
}

std::shared_ptr<PluginSuccession> Upgrade::succession(std::size_t entry, Passage passage) {
  if (passage == Passage::none) return nullptr;
  return std::make_shared<PluginSuccession>(to_.generation, *plan_[entry].to, passage, tally_);
}

const std::shared_ptr<PluginSuccession>& Upgrade::succession_of(const Asked& asked) const {
  return asked.is_fresh ? fresh_[asked.entry] : planned_[asked.entry];
}

Upgrade::Status Upgrade::look(TimePoint now) {
  take_outcomes(now);
  if (status_ == Status::canary) look_at_canaries(now);
  if (status_ == Status::rolling) look_at_rolling(now);
  return status_;
}

std::string Upgrade::progress() const {
  const auto passed = report_.passed + report_.fresh;
  return fmt::format("{} of {} actors", passed,
                     passed + report_.kept + asked_.size() + waiting_.size());
}

void Upgrade::begin_canaries(TimePoint now) {
  for (std::size_t i = 0; i < plan_.size(); ++i) {
    if (has_canary_[i] || planned_[i] == nullptr) {
      has_canary_[i] = true;
      continue;
    }
    const auto actors = engine_.actors_of(*from_.types[plan_[i].from]);
    if (actors.empty()) {
      has_canary_[i] = true;
      continue;
    }
    ask({actors.front(), i, false}, now);
  }
}

void Upgrade::look_at_canaries(TimePoint now) {
  call_off_overdue(now);
  ask_waiting(now);
  if (!asked_.empty() || !waiting_.empty()) return;
  // One whose canary ended before its turn gets another.
  begin_canaries(now);
  if (!asked_.empty()) return;
  switch_types();
  gather_stragglers(now);
}

// From here on spawns give actors of the new generation. A name that is missing was taken away by
// the file's removal, and comes back with the new one.
void Upgrade::switch_types() {
  status_ = Status::rolling;
  // A name that the former has no more may be another plugin's by now.
  if (!rules_.switches_names) return;
  for (const auto& type : to_.types) {
    if (!engine_.replace_type(type)) (void)engine_.add_type(*type);
  }
  for (const auto& entry : plan_) {
    if (!entry.to) (void)engine_.remove_type(from_.types[entry.from]->name);
  }
}

void Upgrade::look_at_rolling(TimePoint now) {
  call_off_overdue(now);
  ask_waiting(now);
  if (!asked_.empty() || !waiting_.empty()) return;
  gather_stragglers(now);
  if (asked_.empty() && waiting_.empty()) status_ = Status::done;
}

// Also those that a spawn made of the former type while the names were switched.
void Upgrade::gather_stragglers(TimePoint now) {
  for (std::size_t i = 0; i < plan_.size(); ++i) {
    for (const auto id : engine_.actors_of(*from_.types[plan_[i].from])) {
      if (stays_.contains(id)) continue;
      if (planned_[i] != nullptr) {
        waiting_.push_back({id, i, false});
      } else {
        on_stays(id, plan_[i].reason);
      }
    }
  }
  ask_waiting(now);
}

void Upgrade::ask_waiting(TimePoint now) {
  for (auto left = waiting_.size(); left != 0 && asked_.size() < batch; --left) {
    const Waiting who = waiting_.front();
    waiting_.pop_front();
    if (who.not_before > now) {
      waiting_.push_back(who);
    } else {
      ask(who, now);
    }
  }
}

void Upgrade::ask(const Waiting& who, TimePoint now) {
  const Asked asked{who.entry, who.is_fresh, who.first_asked.value_or(now)};
  asked_.insert_or_assign(who.id, asked);
  const auto when = rules_.drain_first ? SuccessionTime::behind_mail : SuccessionTime::next_turn;
  const auto& type = to_.types[*plan_[who.entry].to];
  if (!engine_.succeed(who.id, succession_of(asked), type, when)) asked_.erase(who.id);
}

void Upgrade::call_off_overdue(TimePoint now) {
  for (auto& [id, asked] : asked_) {
    if (asked.is_called_off || now - asked.first_asked < rules_.deadline) continue;
    asked.is_called_off = true;
    engine_.call_off(id, *succession_of(asked));
  }
  take_outcomes(now);
}

void Upgrade::take_outcomes(TimePoint now) {
  for (const auto& [id, why] : tally_->take()) {
    const auto found = asked_.find(id);
    if (found == asked_.end()) continue;
    const Asked asked = found->second;
    asked_.erase(found);
    on_outcome(id, asked, why, now);
  }
}

void Upgrade::on_outcome(ActorId who, const Asked& asked,
                         const std::optional<Succession::Hindrance>& why, TimePoint now) {
  if (!why) {
    has_canary_[asked.entry] = true;
    const bool has_state = plan_[asked.entry].passage == Passage::state && !asked.is_fresh;
    ++(has_state ? report_.passed : report_.fresh);
    return;
  }
  if (why->is_over) return;
  const bool may_lose_state = rules_.on_incompatible == OnIncompatible::restart_fresh &&
                              status_ == Status::rolling && !asked.is_fresh && !why->is_busy;
  if (may_lose_state && !asked.is_called_off) {
    waiting_.push_back({who, asked.entry, true, asked.first_asked, now});
    return;
  }
  if (why->is_busy && now - asked.first_asked < rules_.deadline) {
    waiting_.push_back({who, asked.entry, asked.is_fresh, asked.first_asked, now + busy_wait});
    return;
  }
  const auto seconds = std::chrono::duration<double>(rules_.deadline).count();
  if (why->is_busy) {
    return on_stays(who, fmt::format("{}; it has been busy for {} s", why->reason, seconds));
  }
  if (asked.is_called_off) {
    return on_stays(who, fmt::format("it did not come to a turn of its own within {} s", seconds));
  }
  on_stays(who, why->reason);
}

void Upgrade::on_stays(ActorId who, std::string reason) {
  ++report_.kept;
  stays_.insert(who);
  if (report_.reason.empty()) report_.reason = fmt::format("{}: {}", name_of(who), reason);
  const bool may_stay = rules_.on_incompatible == OnIncompatible::keep_old || !rules_.has_canary;
  if (status_ == Status::canary || !may_stay) status_ = Status::failed;
}

std::string Upgrade::name_of(ActorId id) const {
  for (const auto& actor : engine_.actors()) {
    if (actor.id == id) return actor.name;
  }
  return "an actor";
}

}  // namespace backstage::plugin_host
