// Limits by setrlimit, prctl and a small seccomp filter; none needs a privilege.
#include "daemon/plugin_host/confine.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

namespace backstage::plugin_host {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t machine_ours = AUDIT_ARCH_X86_64;
// Numbers from here on are those of the x32 ABI, which names the same calls otherwise.
constexpr std::uint32_t foreign_numbers_from = 0x40000000;
#elif defined(__aarch64__)
constexpr std::uint32_t machine_ours = AUDIT_ARCH_AARCH64;
constexpr std::uint32_t foreign_numbers_from = 0x80000000;
#elif defined(__riscv)
constexpr std::uint32_t machine_ours = AUDIT_ARCH_RISCV64;
constexpr std::uint32_t foreign_numbers_from = 0x80000000;
#else
#error "name this machine's audit number here"
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool is_sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
constexpr bool is_sanitized = true;
#else
constexpr bool is_sanitized = false;
#endif
#else
constexpr bool is_sanitized = false;
#endif

void limit(decltype(RLIMIT_AS) what, std::uint64_t value) noexcept {
  struct rlimit now{};
  if (::getrlimit(what, &now) != 0 || now.rlim_cur <= value) return;
  const struct rlimit less{value, value};
  (void)::setrlimit(what, &less);
}

constexpr std::uint32_t refuse_with(int error) noexcept {
  return SECCOMP_RET_ERRNO | (static_cast<std::uint32_t>(error) & SECCOMP_RET_DATA);
}

constexpr sock_filter load(std::size_t at) noexcept {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(at));
}
// Skips the next `steps` unless the value loaded is `value`.
constexpr sock_filter unless(std::uint32_t value, std::uint8_t steps) noexcept {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, steps);
}
constexpr sock_filter answer(std::uint32_t action) noexcept {
  return BPF_STMT(BPF_RET | BPF_K, action);
}

void filter_system_calls() noexcept {
  // The address family is an int: its low half, which comes first on little-endian machines.
  constexpr std::size_t family_at = offsetof(seccomp_data, args);
  std::array<sock_filter, 18> steps{
      load(offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, machine_ours, 1, 0),
      answer(refuse_with(ENOSYS)),
      load(offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, foreign_numbers_from, 0, 1),
      answer(refuse_with(ENOSYS)),
      // Nobody leaves the group, so one kill ends all of them.
      unless(SYS_setsid, 1),
      answer(refuse_with(EPERM)),
      unless(SYS_setpgid, 1),
      answer(refuse_with(EPERM)),
      // Makes sockets without asking by number.
      unless(SYS_io_uring_setup, 1),
      answer(refuse_with(ENOSYS)),
      unless(SYS_socket, 4),
      load(family_at),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 1, 0),
      answer(refuse_with(EAFNOSUPPORT)),
      answer(SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{static_cast<unsigned short>(steps.size()), steps.data()};
  (void)::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

}  // namespace

void confine(const Confinement& limits) noexcept {
  // What a plugin starts and abandons becomes a child of this process, where it is seen.
  (void)::prctl(PR_SET_CHILD_SUBREAPER, 1);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NOFILE, limits.descriptors);
  limit(RLIMIT_FSIZE, limits.file_bytes);
  limit(RLIMIT_CPU, static_cast<std::uint64_t>(limits.cpu_time.count()));
  if (!is_sanitized) limit(RLIMIT_AS, limits.address_space_bytes);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) filter_system_calls();
}

}  // namespace backstage::plugin_host
