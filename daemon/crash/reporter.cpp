// The handler of fatal signals, and the stacks it runs on.
#include "daemon/crash/reporter.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csetjmp>
#include <csignal>
#include <ctime>

#include "daemon/crash/line.hpp"
#include "daemon/crash/trace.hpp"
#include "daemon/plugin_host/crash_scene.hpp"

namespace backstage::crash {
namespace {

using plugin_host::CrashFacts;
using plugin_host::CrashScene;

constexpr std::array<int, 5> fatal_signals{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
// Unwinding takes some 10 KiB, a signal frame with its vector registers up to 11.
constexpr std::size_t handler_stack_bytes = std::size_t{128} * 1024;
// A handler that hangs, in a damaged unwinder say, may not keep the process from ending.
constexpr unsigned handler_seconds_max = 10;
// A reader of standard error who has stopped reading loses the line; the record has it.
constexpr int patience_ms = 500;
constexpr std::size_t stack_text_bytes = 1100;

// A signal handler has no object to ask. Only the thread that owns the crash writes here.
struct Crash {
  CrashScene scene;
  CrashTrace trace;
  std::array<char, stack_text_bytes> stack{};
  std::array<char, log::log_line_bytes_max> line{};
  std::array<char, plugin_host::crash_line_bytes_max> entry{};
};
constinit Crash crash{};

struct Settings {
  std::array<struct sigaction, fatal_signals.size()> before{};
  const log::Log* log = nullptr;
  int log_fd = 2;
  std::atomic<int> record_fd{-1};
  std::int64_t utc_offset = 0;
};
Settings settings{};

constinit std::atomic<pid_t> owner{0};

// What the handler asks about its own thread; without destructors, so that reading costs no guard.
constinit thread_local StackBounds bounds{};
constinit thread_local sigjmp_buf* way_out = nullptr;

// Runs what may fault on damaged memory. False: it did, and got as far as it got.
template <class Act>
bool survive(Act&& act) noexcept {
  sigjmp_buf here;
  // The steps own nothing that would have to be destroyed.
  // NOLINTNEXTLINE(cert-err52-cpp): the only way out of a fault that a handler has
  if (sigsetjmp(here, 0) != 0) {
    way_out = nullptr;
    return false;
  }
  way_out = &here;
  act();
  way_out = nullptr;
  return true;
}

std::string_view name_of_signal(int number) noexcept {
  switch (number) {
    case SIGSEGV:
      return "SIGSEGV";
    case SIGBUS:
      return "SIGBUS";
    case SIGFPE:
      return "SIGFPE";
    case SIGILL:
      return "SIGILL";
    default:
      return "SIGABRT";
  }
}

bool has_address(const siginfo_t& info) noexcept {
  return (info.si_signo == SIGSEGV && info.si_code != SI_KERNEL) || info.si_signo == SIGBUS;
}

std::string_view cause_of(const siginfo_t& info) noexcept {
  if (info.si_code <= 0) return info.si_signo == SIGABRT ? "abort" : "raised";
  if (info.si_signo == SIGSEGV) {
    if (bounds.is_overflow(reinterpret_cast<std::uintptr_t>(info.si_addr))) return "stack overflow";
    if (info.si_code == SEGV_MAPERR) return "address not mapped";
    return info.si_code == SEGV_ACCERR ? "access not allowed" : "no valid address";
  }
  if (info.si_signo == SIGBUS) {
    return info.si_code == BUS_ADRALN ? "misaligned address" : "no memory behind the address";
  }
  if (info.si_signo == SIGFPE) {
    return info.si_code == FPE_INTDIV ? "integer division by zero" : "arithmetic error";
  }
  return info.si_signo == SIGILL ? "illegal instruction" : "abort";
}

// Another process, when it was one.
pid_t sender_of(const siginfo_t& info) noexcept {
  const bool is_sent = info.si_code == SI_USER || info.si_code == SI_QUEUE;
  return is_sent && info.si_pid != ::getpid() ? info.si_pid : 0;
}

void look(const siginfo_t& info, const void* context) noexcept {
  survive([] { crash.trace.capture(); });
  crash.trace.settle(place_of(context), bounds);
  survive([] { crash.trace.find_files(); });
  if (sender_of(info) != 0) return;
  survive([] { crash.scene.look_at_call(); });
  if (crash.scene.has_culprit()) return;
  // No call of ours: a thread of a plugin's own, if any of its code is on the way here.
  for (const auto frame : crash.trace.frames()) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): compared with ranges of code only
    crash.scene.look_at_code(reinterpret_cast<const void*>(frame));
    if (crash.scene.has_culprit()) return;
  }
}

void tell(const siginfo_t& info) noexcept {
  FixedText stack(crash.stack);
  survive([&] { crash.trace.name(stack); });
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const CrashFacts facts{
      .time = std::chrono::seconds{now.tv_sec} + std::chrono::milliseconds{now.tv_nsec / 1'000'000},
      .signal = name_of_signal(info.si_signo),
      .why = cause_of(info),
      .scene = crash.scene,
      .stack = stack.text()};
  // The record first: it has no reader to wait for. What another process sent is nobody's crash.
  if (const int fd = settings.record_fd.load(); fd >= 0 && sender_of(info) == 0) {
    FixedText entry(crash.entry);
    plugin_host::compose(entry, facts);
    (void)!::write(fd, entry.text().data(), entry.text().size());
  }
  std::array<char, 17> thread{};
  ::prctl(PR_GET_NAME, thread.data());
  FixedText line(crash.line);
  format_crash(line,
               {.facts = facts,
                .address = reinterpret_cast<std::uintptr_t>(info.si_addr),
                .has_address = info.si_code > 0 && has_address(info),
                .thread = thread.data(),
                .sender = sender_of(info),
                .utc_offset = settings.utc_offset},
               settings.log->format());
  pollfd ready{.fd = settings.log_fd, .events = POLLOUT, .revents = 0};
  if (::poll(&ready, 1, patience_ms) != 1) return;
  (void)!::write(settings.log_fd, line.text().data(), line.text().size());
}

void put_back_handlers() noexcept {
  for (std::size_t i = 0; i < fatal_signals.size(); ++i) {
    ::sigaction(fatal_signals[i], &settings.before[i], nullptr);
  }
}

// A fault happens again when the handler returns, now with the process's whole state as it was; a
// signal that was sent has to be sent again.
void pass_on(const siginfo_t& info) noexcept {
  put_back_handlers();
  if (info.si_code <= 0) ::raise(info.si_signo);
}

void on_fatal(int, siginfo_t* info, void* context) {
  const pid_t self = ::gettid();
  pid_t nobody = 0;
  if (!owner.compare_exchange_strong(nobody, self)) {
    if (nobody == self) {
      // NOLINTNEXTLINE(cert-err52-cpp): back into survive
      if (way_out != nullptr) siglongjmp(*std::exchange(way_out, nullptr), 1);
      return pass_on(*info);
    }
    // Another thread has crashed and ends the process: one culprit is told of.
    timespec rest{.tv_sec = handler_seconds_max, .tv_nsec = 0};
    ::nanosleep(&rest, nullptr);
    return pass_on(*info);
  }
  ::alarm(handler_seconds_max);
  look(*info, context);
  tell(*info);
  ::alarm(0);
  pass_on(*info);
}

// The stack of this thread's handler, for as long as the thread lives.
class HandlerStack {
 public:
  HandlerStack() noexcept {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    size_ = handler_stack_bytes + page;
    memory_ = ::mmap(nullptr, size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory_ == MAP_FAILED) return;
    stack_t stack{};
    stack.ss_sp = static_cast<char*>(memory_) + page;
    stack.ss_size = handler_stack_bytes;
    is_used_ = ::mprotect(stack.ss_sp, stack.ss_size, PROT_READ | PROT_WRITE) == 0 &&
               ::sigaltstack(&stack, nullptr) == 0;
  }
  HandlerStack(const HandlerStack&) = delete;
  HandlerStack& operator=(const HandlerStack&) = delete;
  ~HandlerStack() {
    bounds = {};
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    if (is_used_) ::sigaltstack(&none, nullptr);
    if (memory_ != MAP_FAILED) ::munmap(memory_, size_);
  }

 private:
  void* memory_ = MAP_FAILED;
  std::size_t size_ = 0;
  bool is_used_ = false;
};

StackBounds bounds_of_this_thread() noexcept {
  pthread_attr_t facts;
  if (::pthread_getattr_np(::pthread_self(), &facts) != 0) return {};
  void* low = nullptr;
  std::size_t size = 0;
  std::size_t guard = 0;
  ::pthread_attr_getstack(&facts, &low, &size);
  ::pthread_attr_getguardsize(&facts, &guard);
  ::pthread_attr_destroy(&facts);
  const auto begin = reinterpret_cast<std::uintptr_t>(low);
  return {begin, begin + size, guard};
}

std::int64_t utc_offset() noexcept {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  return ::localtime_r(&now, &parts) == nullptr ? 0 : parts.tm_gmtoff;
}

}  // namespace

CrashReporter::CrashReporter(const log::Log& log, int fd) {
  // Loads the unwinder: its first call allocates.
  crash.trace.capture();
  settings.log = &log;
  settings.log_fd = fd;
  settings.utc_offset = utc_offset();
  admit_this_thread();
  struct sigaction action{};
  action.sa_sigaction = &on_fatal;
  // Not deferred: a fault of the handler's own has to come through.
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < fatal_signals.size(); ++i) {
    ::sigaction(fatal_signals[i], &action, &settings.before[i]);
  }
}

CrashReporter::~CrashReporter() {
  put_back_handlers();
  settings.record_fd.store(-1);
}

void CrashReporter::record_to(plugin_host::Fd record) noexcept {
  record_ = std::move(record);
  settings.record_fd.store(record_.get());
}

void CrashReporter::admit_this_thread() noexcept {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : fatal_signals) sigaddset(&set, number);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  bounds = bounds_of_this_thread();
  stack_t present{};
  // A sanitizer gives its threads such stacks itself, and takes them away at their end.
  if (::sigaltstack(nullptr, &present) == 0 && (present.ss_flags & SS_DISABLE) == 0) return;
  static thread_local const HandlerStack stack;
}

}  // namespace backstage::crash
