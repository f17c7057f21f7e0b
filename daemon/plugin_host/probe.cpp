// Loads a plugin where it can do no harm, and writes down each step before it takes it.
#include "daemon/plugin_host/probe.hpp"

#include <execinfo.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sys/stat.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include "daemon/plugin_gate/elf.hpp"
#include "daemon/plugin_gate/gate.hpp"
#include "daemon/plugin_host/call.hpp"
#include "daemon/plugin_host/confine.hpp"
#include "daemon/plugin_host/descriptor.hpp"
#include "daemon/plugin_host/fd.hpp"
#include "daemon/plugin_host/host_api.hpp"
#include "daemon/plugin_host/inert_api.hpp"
#include "daemon/plugin_host/library.hpp"
#include "daemon/plugin_host/process_state.hpp"
#include "daemon/plugin_host/status.hpp"
#include "daemon/plugin_host/trial_report.hpp"

namespace backstage::plugin_host {
namespace {

// For the handler, which gets no arguments. Constant once the plugin is being loaded.
constinit int result_fd_ = -1;
// A stack that has run over is no place for a handler. Unwinding takes the most of it.
alignas(16) constinit std::array<std::byte, std::size_t{256} << 10U> signal_stack_{};

// --- Async-signal-safe from here on.

bool write_all(std::string_view text) noexcept {
  while (!text.empty()) {
    const auto done = ::write(result_fd_, text.data(), text.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(done));
  }
  return true;
}

void write_hex(std::uintptr_t number) noexcept {
  std::array<char, 2 * sizeof number> digits{};
  auto at = digits.size();
  do {
    digits[--at] = "0123456789abcdef"[number & 15U];
    number >>= 4U;
  } while (number != 0);
  write_all({digits.data() + at, digits.size() - at});
}

void write_maps() noexcept {
  write_all("maps\n");
  const int maps = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  std::array<char, 4096> part{};
  for (;;) {
    const auto got = ::read(maps, part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || !write_all({part.data(), static_cast<std::size_t>(got)})) break;
  }
}

std::uintptr_t pc_of(const void* context) noexcept {
  const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return static_cast<std::uintptr_t>(machine.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return machine.pc;
#elif defined(__riscv)
  return machine.__gregs[REG_PC];
#else
#error "name the register with this machine's program counter here"
#endif
}

void on_fatal(int number, siginfo_t* info, void* context) {
  write_all("signal ");
  write_hex(static_cast<std::uintptr_t>(number));
  write_all(" ");
  write_hex(reinterpret_cast<std::uintptr_t>(info->si_addr));
  write_all(" ");
  write_hex(pc_of(context));
  write_all("\n");
  std::array<void*, 64> frames{};
  const int count = ::backtrace(frames.data(), static_cast<int>(frames.size()));
  for (int i = 0; i < count; ++i) {
    write_all("frame ");
    write_hex(reinterpret_cast<std::uintptr_t>(frames[static_cast<std::size_t>(i)]));
    write_all("\n");
  }
  write_maps();
  // Blocked while this runs, so it ends the process when the handler returns.
  ::signal(number, SIG_DFL);
  ::raise(number);
}

// --- Up to here.

void catch_signals() noexcept {
  std::array<void*, 4> warm{};
  // Loads the unwinder: the first call allocates.
  (void)::backtrace(warm.data(), static_cast<int>(warm.size()));
  const stack_t stack{
      .ss_sp = signal_stack_.data(), .ss_flags = 0, .ss_size = signal_stack_.size()};
  ::sigaltstack(&stack, nullptr);
  struct sigaction action{};
  action.sa_sigaction = &on_fatal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  // SIGQUIT is how the daemon asks a child that hangs where it is.
  for (const int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS, SIGQUIT}) {
    ::sigaction(number, &action, nullptr);
  }
  ::signal(SIGPIPE, SIG_IGN);
  // A file that grows too long is an error for who writes it, not the end.
  ::signal(SIGXFSZ, SIG_IGN);
}

// Ends this process and all that a plugin started, once nobody reads the result any more. A thread,
// since a plugin that hangs may have blocked every signal. Only in a group of its own: by hand, the
// group is that of a person's script.
void follow_the_reader(int result_fd) {
  if (::getpgrp() != ::getpid()) return;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  // Signals are for the thread that loads the plugin, whose stack is asked for.
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([result_fd] {
    pollfd reader{.fd = result_fd, .events = 0, .revents = 0};
    while (::poll(&reader, 1, -1) < 0 && errno == EINTR) {
    }
    // A plugin that has closed the descriptor is no reason.
    if ((reader.revents & POLLERR) != 0) ::kill(0, SIGKILL);
  }).detach();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

[[noreturn]] void leave(int code, std::string_view last_line) noexcept {
  ::_exit(write_all(last_line) ? code : exit_unreported);
}

void say(TrialPhase phase) { write_all(fmt::format("phase {}\n", token(phase))); }

std::expected<std::vector<std::byte>, Refusal> read_file(const std::string& path) {
  const auto failed = [&path] {
    return refuse(Code::trial_failed, path,
                  fmt::format("the copy {} cannot be read: errno {}", path, errno),
                  "let the daemon's user read it");
  };
  const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  struct stat info{};
  if (!fd.is_open() || ::fstat(fd.get(), &info) != 0) return failed();
  std::vector<std::byte> bytes(static_cast<std::size_t>(info.st_size));
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto got = ::read(fd.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return failed();
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

// The copy's own note: the very bytes that were judged.
std::expected<plugin_gate::Manifest, Refusal> read_manifest(const std::string& path) {
  const auto image = read_file(path);
  if (!image) return std::unexpected(image.error());
  const auto facts = plugin_gate::read_elf(*image);
  if (!facts) return std::unexpected(refusal_of(facts.error()));
  auto manifest =
      plugin_gate::read_note(facts->note, {.major = BS_ABI_MAJOR, .minor = BS_ABI_MINOR});
  if (!manifest) return std::unexpected(refusal_of(std::move(manifest.error())));
  return std::move(*manifest);
}

std::expected<const bs_plugin*, Refusal> enter(const std::string& path, const Library& library,
                                               const InertApi& api) {
  std::string why;
  try {
    const bs_plugin* plugin = library.entry()(api.table());
    if (plugin != nullptr) return plugin;
    constexpr bs_status failure = BS_E_FAIL;
    why = api.error().empty() ? fmt::format(
                                    "backstage_plugin_v1 answered {} ({}) and gave no reason with "
                                    "set_error",
                                    name_of(failure), failure)
                              : std::string{api.error()};
  } catch (...) {
    why = Call::escaped_from("backstage_plugin_v1");
  }
  return refuse(Code::entry_refused, path, fmt::format("it refuses this daemon: {}", why),
                "see what it says, or ask whoever made it");
}

std::expected<void, Refusal> try_out(const std::string& path) {
  const auto manifest = read_manifest(path);
  if (!manifest) return std::unexpected(manifest.error());
  catch_signals();
  const InertApi api{host_version};
  const ProcessState before{result_fd_};
  say(TrialPhase::load);
  const auto library = Library::open(path, path);
  if (!library) return std::unexpected(library.error());
  say(TrialPhase::entry);
  const auto plugin = enter(path, *library, api);
  if (!plugin) return std::unexpected(plugin.error());
  say(TrialPhase::descriptor);
  const auto descriptor = read_descriptor(path, **plugin, *manifest);
  if (!descriptor) return std::unexpected(descriptor.error());
  say(TrialPhase::state);
  const auto changes = before.changes();
  if (changes.empty()) return {};
  return refuse(
      Code::trial_meddled, path,
      fmt::format("while it was loaded it changed what belongs to the whole process: {}",
                  fmt::join(changes, ", ")),
      "leave these to the daemon; what it needs for itself, let init open and fini close");
}

}  // namespace

void probe(const std::string& path, int result_fd) noexcept {
  result_fd_ = result_fd;
  (void)::fcntl(result_fd, F_SETFD, FD_CLOEXEC);
  confine({});
  // Who asked may have ended before it was tied to this process.
  pollfd reader{.fd = result_fd, .events = POLLOUT, .revents = 0};
  if (::poll(&reader, 1, 0) == 1 && (reader.revents & (POLLERR | POLLNVAL)) != 0)
    ::_exit(exit_unreported);
  follow_the_reader(result_fd);
  const auto passed = try_out(path);
  if (passed) leave(0, "ok\n");
  leave(1, report_line(passed.error()));
}

}  // namespace backstage::plugin_host
