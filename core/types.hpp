/// Types: the actor types that may be spawned now.
///
/// Every spawn asks for one, so each thread keeps what it has found: a look under a lock of its
/// own, and a share of the type that counts apart from the other threads' shares.
#pragma once
#include <array>
#include <mutex>
#include <vector>

#include "core/actor.hpp"
#include "core/spin_lock.hpp"
#include "core/string_map.hpp"
#include "core/values/result.hpp"

namespace backstage {

class Types {
 public:
  /// Errors: name_in_use, bad_name, bad_arg (supervision or mailbox out of range). [any]
  [[nodiscard]] Result<void> add(ActorTypePtr type);
  /// The type of that name is another one from now on; whoever holds the former keeps it. Errors:
  /// no_type, bad_arg. [any]
  [[nodiscard]] Result<void> replace(ActorTypePtr type);
  /// Whoever holds the type keeps it. Errors: no_type. [any]
  [[nodiscard]] Result<void> remove(std::string_view name);
  /// Errors: no_type. [any]
  [[nodiscard]] Result<ActorTypePtr> find(std::string_view name) const;
  [[nodiscard]] std::vector<ActorTypePtr> list() const;

 private:
  // With mutex_ held
  void forget(std::string_view name, std::vector<ActorTypePtr>& shares);

  // What the threads of one number have found. Emptied with what is removed.
  struct alignas(64) Found {
    mutable SpinLock lock;
    // Guarded by lock
    ActorTypePtr last;
    StringMap<ActorTypePtr> all;
  };
  static constexpr std::size_t found_count = 16;

  mutable std::mutex mutex_;
  // Guarded by mutex_, under which the locks of found_ are taken
  StringMap<ActorTypePtr> types_;
  mutable std::array<Found, found_count> found_;
};

}  // namespace backstage
