#include "core/types.hpp"

#include <algorithm>
#include <utility>

#include "core/mailbox.hpp"
#include "core/thread_number.hpp"
#include "core/values/names.hpp"

namespace backstage {

Result<void> Types::add(ActorTypePtr type) {
  if (!is_type_name(type->name) || is_reserved(type->name)) return Refused(Errc::bad_name);
  if (!is_valid(type->supervision) || !is_valid({type->mailbox, type->overflow, false})) {
    return Refused(Errc::bad_arg);
  }
  const std::lock_guard lock(mutex_);
  const bool is_new = types_.try_emplace(type->name, type).second;
  if (!is_new) return Refused(Errc::name_in_use);
  return {};
}

Result<void> Types::remove(std::string_view name) {
  // Let go of after the locks: it may be the last share, whose end is the plugin's.
  std::vector<ActorTypePtr> removed;
  const std::lock_guard lock(mutex_);
  const auto known = types_.find(name);
  if (known == types_.end()) return Refused(Errc::no_type);
  removed.push_back(std::move(known->second));
  types_.erase(known);
  forget(name, removed);
  return {};
}

Result<void> Types::replace(ActorTypePtr type) {
  if (!is_valid(type->supervision) || !is_valid({type->mailbox, type->overflow, false})) {
    return Refused(Errc::bad_arg);
  }
  std::vector<ActorTypePtr> replaced;
  const std::lock_guard lock(mutex_);
  const auto known = types_.find(type->name);
  if (known == types_.end()) return Refused(Errc::no_type);
  replaced.push_back(std::exchange(known->second, std::move(type)));
  forget(known->first, replaced);
  return {};
}

void Types::forget(std::string_view name, std::vector<ActorTypePtr>& shares) {
  for (Found& found : found_) {
    const std::lock_guard found_lock(found.lock);
    const auto share = found.all.find(name);
    if (share == found.all.end()) continue;
    shares.push_back(std::move(found.last));
    shares.push_back(std::move(share->second));
    found.last.reset();
    found.all.erase(share);
  }
}

Result<ActorTypePtr> Types::find(std::string_view name) const {
  Found& found = found_[thread_number() % found_count];
  {
    const std::lock_guard lock(found.lock);
    if (found.last != nullptr && found.last->name == name) return found.last;
    if (const auto share = found.all.find(name); share != found.all.end()) {
      found.last = share->second;
      return share->second;
    }
  }
  const std::lock_guard lock(mutex_);
  const auto known = types_.find(name);
  if (known == types_.end()) return Refused(Errc::no_type);
  // A count of its own, on a line of memory of its own.
  const auto holder = std::make_shared<const ActorTypePtr>(known->second);
  ActorTypePtr share(holder, known->second.get());
  const std::lock_guard found_lock(found.lock);
  return found.all.try_emplace(known->first, std::move(share)).first->second;
}

std::vector<ActorTypePtr> Types::list() const {
  std::vector<ActorTypePtr> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, type] : types_) all.push_back(type);
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a->name < b->name; });
  return all;
}

}  // namespace backstage
