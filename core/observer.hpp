/// Observer: core's only outward arrow. The daemon logs and counts; tests record.
#pragma once
#include <string_view>

#include "core/actor.hpp"
#include "core/ids.hpp"

namespace backstage {

enum class DeadCause : std::uint8_t {
  failed,   ///< its handler failed
  stopped,  ///< still queued when the actor stopped
  parked,   ///< still queued when the actor was parked
};
inline constexpr std::size_t dead_cause_count = 3;
[[nodiscard]] std::string_view token(DeadCause cause) noexcept;

/// Each call comes from the thread on which it happened, with no engine lock held; calls may come
/// from several threads at once. Must not block, throw, or call the engine. [any]
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void spawned(ActorId id, std::string_view name, std::string_view type) noexcept = 0;
  virtual void started(ActorId id, std::string_view name, std::string_view type) noexcept = 0;
  virtual void failed(ActorId id, std::string_view name, std::string_view reason) noexcept = 0;
  virtual void restarting(ActorId id, std::string_view name, Duration after) noexcept = 0;
  virtual void parked(ActorId id, std::string_view name, std::string_view reason) noexcept = 0;
  /// Killed, and its handler has not returned: its name is free, its thread is not.
  virtual void abandoned(ActorId id, std::string_view name) noexcept = 0;
  virtual void ended(ActorId id, std::string_view name, EndReason reason) noexcept = 0;
  virtual void dead_letter(DeadCause cause, std::string_view target,
                           std::string_view reason) noexcept = 0;
};

}  // namespace backstage
