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
  Faults() noexcept = default;
  virtual ~Faults() = default;
  Faults(const Faults&) = delete;
  Faults& operator=(const Faults&) = delete;
  /// True: fail here, now. Costs one load where nothing ever fails on purpose. [any]
  [[nodiscard]] bool strike(FaultSite site) noexcept { return is_armed_ && hit(site); }
  [[nodiscard]] virtual bool hit(FaultSite site) noexcept = 0;

 protected:
  explicit Faults(bool is_armed) noexcept : is_armed_(is_armed) {}

 private:
  const bool is_armed_ = true;
};

/// Production: nothing ever fails on purpose.
class NoFaults final : public Faults {
 public:
  NoFaults() noexcept : Faults(false) {}
  [[nodiscard]] bool hit(FaultSite) noexcept override { return false; }
};

}  // namespace backstage
