/// Types: the actor types that may be spawned now.
#pragma once
#include <mutex>
#include <vector>

#include "core/actor.hpp"
#include "core/directory.hpp"

namespace backstage {

class Types {
 public:
  /// Errors: name_in_use, bad_name, bad_arg (supervision or mailbox out of range). [any]
  [[nodiscard]] Result<void> add(ActorType type);
  /// Errors: no_type. [any]
  [[nodiscard]] Result<void> remove(std::string_view name);
  /// Errors: no_type. [any]
  [[nodiscard]] Result<ActorTypePtr> find(std::string_view name) const;
  [[nodiscard]] std::vector<ActorTypePtr> list() const;

 private:
  mutable std::mutex mutex_;
  // Guarded by mutex_
  StringMap<ActorTypePtr> types_;
};

}  // namespace backstage
