// Cell's part that only clients have: what they hear at once, and what they give up for all.
#include "core/cell.hpp"
#include "core/runtime.hpp"

namespace backstage {

bool Cell::hear_now(const Envelope& envelope, ActorId target) {
  // Of another executor's cell nothing more is looked at: its life may end meanwhile.
  if (executor_.load(std::memory_order_relaxed) != Executor::here()) return false;
  if (!mailbox_.begin_hearing(target.generation)) return false;
  if (actor_->hear_now(envelope)) return true;
  mailbox_.take_back_hearing();
  return false;
}

std::uint64_t Cell::shed(std::uint64_t bytes, ActorId target) {
  const auto shed = mailbox_.shed(bytes, target.generation, {&runtime_.fates, target});
  if (shed.woke_owner) executor().post(*this);
  return shed.kicks ? shed.bytes + mailbox_.depth().waiting_bytes() : shed.bytes;
}

}  // namespace backstage
