/// Faults: places where tests may make the engine fail on purpose.
#pragma once
#include <cstddef>
#include <cstdint>

namespace backstage {

enum class FaultSite : std::uint8_t {
  spawn,      ///< a spawn is refused with actors_full
  accept,     ///< a data envelope is refused with mailbox_full
  create,     ///< an actor's creation fails
  receive,    ///< a handler fails before it sees the message
  timer_set,  ///< a timer is refused with timers_full
  subscribe,  ///< a subscription is refused with subs_full
  allocate,   ///< there is no memory for a data envelope: no_memory
  publish,    ///< a publish is refused with topics_full
};
inline constexpr std::size_t fault_site_count = 8;

class Faults {
 public:
  virtual ~Faults() = default;
  /// True: fail here, now. [any]
  [[nodiscard]] virtual bool hit(FaultSite site) noexcept = 0;
};

/// Production: nothing ever fails on purpose.
class NoFaults final : public Faults {
 public:
  [[nodiscard]] bool hit(FaultSite) noexcept override { return false; }
};

}  // namespace backstage
