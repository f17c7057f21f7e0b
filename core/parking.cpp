#include "core/parking.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace backstage {
namespace {

void futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value) noexcept {
  (void)::syscall(SYS_futex, &word, operation, value, nullptr, nullptr, 0);
}

}  // namespace

void Parking::sleep() noexcept {
  // The kernel compares once more before it lets the thread sleep. Signals end it early.
  while (is_parked()) futex(is_parked_, FUTEX_WAIT_PRIVATE, 1);
}

void Parking::wake_sleeper() noexcept { futex(is_parked_, FUTEX_WAKE_PRIVATE, 1); }

}  // namespace backstage
