#include "core/interest.hpp"

namespace backstage {

bool Interest::watch(ActorId watcher, const Pattern& own) {
  const std::string name(own.actor_part());
  names_.try_emplace(watcher, name);
  return watched_.try_emplace({name, watcher, own.text()}, own).second;
}

void Interest::forget(ActorId watcher) {
  const auto name = names_.find(watcher);
  if (name == names_.end()) return;
  const auto begin = watched_.lower_bound({name->second, watcher, {}});
  auto end = begin;
  while (end != watched_.end() && end->first.watcher == watcher) ++end;
  watched_.erase(begin, end);
  names_.erase(name);
}

std::size_t Interest::concerned(const Pattern& subscribed, std::vector<ActorId>& found) const {
  std::size_t looked_at = 0;
  const std::string actor(subscribed.actor_part());
  const bool is_any = actor == "*";
  for (auto at = is_any ? watched_.begin() : watched_.lower_bound({actor, {}, {}});
       at != watched_.end() && (is_any || at->first.actor == actor); ++at) {
    ++looked_at;
    if (cares(at->second, subscribed)) found.push_back(at->first.watcher);
  }
  return looked_at;
}

bool Interest::cares(const Pattern& own, const Pattern& subscribed) noexcept {
  const auto actor = subscribed.actor_part();
  if (actor != "*" && actor != own.actor_part()) return false;
  if (subscribed.has_wildcard()) return true;
  return own.matches(actor, subscribed.topic_part());
}

}  // namespace backstage
