#include "core/types.hpp"

#include <algorithm>

namespace backstage {

Result<void> Types::add(ActorType type) {
  if (!is_type_name(type.name) || is_reserved(type.name)) return Refused(Errc::bad_name);
  if (!is_valid(type.supervision) || !is_valid({type.mailbox, type.overflow, false})) {
    return Refused(Errc::bad_arg);
  }
  auto shared = std::make_shared<const ActorType>(std::move(type));
  const std::lock_guard lock(mutex_);
  const bool is_new = types_.try_emplace(shared->name, shared).second;
  if (!is_new) return Refused(Errc::name_in_use);
  return {};
}

Result<void> Types::remove(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto found = types_.find(name);
  if (found == types_.end()) return Refused(Errc::no_type);
  types_.erase(found);
  return {};
}

Result<ActorTypePtr> Types::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = types_.find(name);
  if (found == types_.end()) return Refused(Errc::no_type);
  return found->second;
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
