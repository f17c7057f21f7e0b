#include "core/fates.hpp"

namespace backstage {
namespace {

constexpr unsigned cause_bits = 8;
static_assert(drop_cause_count <= 1U << cause_bits);

}  // namespace

void Fates::add(MessageId id, DropCause cause, ActorId who) noexcept {
  Slot& slot = slots_[next_.fetch_add(1, std::memory_order_relaxed) % kept_max];
  const std::uint64_t message =
      static_cast<std::uint64_t>(id) << cause_bits | static_cast<std::uint64_t>(cause);
  // Whoever sees the new `who` also sees the 0 before it, and so no longer the old message.
  slot.message.store(0, std::memory_order_relaxed);
  slot.who.store(std::uint64_t{who.generation} << 32U | who.slot, std::memory_order_release);
  slot.message.store(message, std::memory_order_release);
}

std::optional<Fate> Fates::find(MessageId id) const noexcept {
  const auto wanted = static_cast<std::uint64_t>(id);
  const std::uint64_t next = next_.load(std::memory_order_relaxed);
  for (std::size_t back = 1; back <= kept_max && back <= next; ++back) {
    const Slot& slot = slots_[(next - back) % kept_max];
    const std::uint64_t message = slot.message.load(std::memory_order_acquire);
    if (message == 0 || message >> cause_bits != wanted) continue;
    const std::uint64_t who = slot.who.load(std::memory_order_acquire);
    if (slot.message.load(std::memory_order_relaxed) != message) continue;
    constexpr std::uint64_t cause_mask = (1U << cause_bits) - 1;
    return Fate{static_cast<DropCause>(message & cause_mask),
                {static_cast<std::uint32_t>(who), static_cast<std::uint32_t>(who >> 32U)}};
  }
  return std::nullopt;
}

}  // namespace backstage
