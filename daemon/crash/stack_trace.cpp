#include "daemon/crash/stack_trace.hpp"

#include <execinfo.h>
#include <semaphore.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

namespace backstage::crash {
namespace {

constexpr int own_frames_max = 8;  // the handler, the kernel's trampoline, a sanitizer's wrappers
constexpr std::size_t slot_count = 8;

// A ticket names one capture; a handler that comes late finds its ticket gone and writes nothing.
enum class Stage : std::uint8_t { free, asked, writing, done };
constexpr std::uint64_t state_of(std::uint32_t ticket, Stage stage) noexcept {
  return std::uint64_t{ticket} << 8U | static_cast<std::uint64_t>(stage);
}
constexpr Stage stage_of(std::uint64_t state) noexcept { return static_cast<Stage>(state & 0xFFU); }

struct Slot {
  std::atomic<std::uint64_t> state{state_of(0, Stage::free)};
  std::array<void*, StackTracer::frames_max + own_frames_max> frames{};
  int count = 0;
  std::uintptr_t interrupted_at = 0;
  sem_t woken{};
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "used in a signal handler");

std::array<Slot, slot_count> slots;
std::uint32_t last_ticket = 0;

Slot& slot_of(std::uint32_t ticket) noexcept { return slots[ticket % slot_count]; }

// SIGRTMIN itself is what other libraries take first.
int stack_signal() noexcept { return SIGRTMIN + 7; }

std::uintptr_t interrupted_at(const void* context) noexcept {
#if defined(__x86_64__)
  const auto at = static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP];
  return static_cast<std::uintptr_t>(at);
#elif defined(__aarch64__)
  return static_cast<const ucontext_t*>(context)->uc_mcontext.pc;
#else
  (void)context;
  return 0;
#endif
}

// On the thread that is looked at: async-signal-safe. backtrace is once its unwinder is loaded,
// which the constructor sees to: it finds its tables without a lock (_dl_find_object).
void on_signal(int, siginfo_t* info, void* context) {
  const int error = errno;
  if (info->si_code == SI_QUEUE) {
    const auto ticket = static_cast<std::uint32_t>(info->si_value.sival_int);
    Slot& slot = slot_of(ticket);
    auto asked = state_of(ticket, Stage::asked);
    if (slot.state.compare_exchange_strong(asked, state_of(ticket, Stage::writing))) {
      slot.count = ::backtrace(slot.frames.data(), static_cast<int>(slot.frames.size()));
      slot.interrupted_at = interrupted_at(context);
      slot.state.store(state_of(ticket, Stage::done), std::memory_order_release);
      ::sem_post(&slot.woken);
    }
  }
  errno = error;
}

// One whose handler never got to its end stays out of use.
Slot* take_slot() noexcept {
  for (std::size_t tries = 0; tries < slot_count; ++tries) {
    Slot& slot = slot_of(++last_ticket);
    if (stage_of(slot.state.load(std::memory_order_acquire)) == Stage::writing) continue;
    ::sem_destroy(&slot.woken);
    ::sem_init(&slot.woken, 0, 0);
    slot.state.store(state_of(last_ticket, Stage::asked), std::memory_order_release);
    return &slot;
  }
  return nullptr;
}

bool wait_for_done(Slot& slot, std::chrono::milliseconds within) noexcept {
  timespec end{};
  ::clock_gettime(CLOCK_MONOTONIC, &end);
  const auto nanoseconds = end.tv_nsec + within.count() % 1000 * 1'000'000;
  end.tv_sec += static_cast<time_t>(within.count() / 1000 + nanoseconds / 1'000'000'000);
  end.tv_nsec = static_cast<long>(nanoseconds % 1'000'000'000);
  for (;;) {
    if (stage_of(slot.state.load(std::memory_order_acquire)) == Stage::done) return true;
    if (::sem_clockwait(&slot.woken, CLOCK_MONOTONIC, &end) != 0 && errno == ETIMEDOUT) break;
  }
  // The handler may come at this very moment: whoever changes the state first has it.
  auto asked = state_of(last_ticket, Stage::asked);
  if (slot.state.compare_exchange_strong(asked, state_of(last_ticket, Stage::free))) return false;
  return stage_of(asked) == Stage::done;
}

std::vector<const void*> frames_of(const Slot& slot) {
  const auto begin = slot.frames.begin();
  const auto end = begin + std::max(0, slot.count);
  // What lies above the interrupted frame is the handler's own.
  auto first = std::find_if(begin, end, [&](const void* frame) {
    return reinterpret_cast<std::uintptr_t>(frame) == slot.interrupted_at;
  });
  if (first == end) first = begin;
  const auto last = first + std::min<std::ptrdiff_t>(end - first, StackTracer::frames_max);
  // Not in braces: two pointers would be taken for two elements.
  return std::vector<const void*>(first, last);
}

}  // namespace

StackTracer::StackTracer() {
  // Loads the unwinder: the first call allocates.
  std::array<void*, 4> warm{};
  (void)::backtrace(warm.data(), static_cast<int>(warm.size()));
  struct sigaction action{};
  action.sa_sigaction = &on_signal;
  action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  ::sigaction(stack_signal(), &action, nullptr);
}

StackTracer::~StackTracer() { ::signal(stack_signal(), SIG_IGN); }

void StackTracer::admit_this_thread() noexcept {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, stack_signal());
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

std::expected<std::vector<const void*>, std::string> StackTracer::capture(
    pthread_t thread, std::chrono::milliseconds within) const {
  Slot* slot = take_slot();
  if (slot == nullptr) return std::unexpected("earlier traces have not come to their end");
  sigval value{};
  value.sival_int = static_cast<int>(last_ticket);
  if (::pthread_sigqueue(thread, stack_signal(), value) != 0) {
    slot->state.store(state_of(last_ticket, Stage::free), std::memory_order_release);
    return std::unexpected("the thread has ended, or takes no signals now");
  }
  if (wait_for_done(*slot, within)) return frames_of(*slot);
  return std::unexpected(
      "the thread did not take the signal: it blocks it, or the kernel holds it");
}

}  // namespace backstage::crash
