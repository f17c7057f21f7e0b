// Looks at descriptors, signals and the rest before and after.
#include "daemon/plugin_host/process_state.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <clocale>
#include <cstring>

#include "daemon/plugin_host/fd.hpp"
#include "daemon/plugin_host/signal_name.hpp"

namespace backstage::plugin_host {
namespace {

std::string locale_now() {
  const char* name = std::setlocale(LC_ALL, nullptr);
  return name == nullptr ? std::string{} : name;
}

bool same_action(const struct sigaction& a, const struct sigaction& b) noexcept {
  // One field for both kinds of handlers: they share their place.
  return a.sa_sigaction == b.sa_sigaction;
}

bool has_running_child() noexcept {
  // Those that have ended tell nothing: what they started is a child of this process by then.
  pid_t child = 0;
  do {
    child = ::waitpid(-1, nullptr, WNOHANG);
  } while (child > 0);
  return child == 0;
}

}  // namespace

ProcessState::Descriptor ProcessState::look_at(int fd) noexcept {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return {.fd = fd};
  return {.fd = fd, .is_open = true, .device = info.st_dev, .inode = info.st_ino};
}

mode_t ProcessState::current_umask() noexcept {
  const mode_t mask = ::umask(022);
  ::umask(mask);
  return mask;
}

ProcessState::ProcessState(int extra_fd)
    : descriptors_{look_at(STDIN_FILENO), look_at(STDOUT_FILENO), look_at(STDERR_FILENO),
                   look_at(extra_fd)},
      umask_(current_umask()),
      locale_(locale_now()),
      rounding_(std::fegetround()) {
  for (int number = 1; number < NSIG; ++number) {
    (void)::sigaction(number, nullptr, &actions_[static_cast<std::size_t>(number)]);
  }
  (void)::pthread_sigmask(SIG_SETMASK, nullptr, &mask_);
  const Fd here{::open(".", O_PATH | O_CLOEXEC)};
  directory_ = look_at(here.get());
  directory_.fd = -1;
}

std::vector<std::string> ProcessState::changes() const {
  std::vector<std::string> found;
  for (const auto& before : descriptors_) {
    const auto now = look_at(before.fd);
    if (now == before) continue;
    found.push_back(
        fmt::format("{} file descriptor {}", now.is_open ? "replaced" : "closed", before.fd));
  }
  sigset_t mask{};
  (void)::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction now{};
    (void)::sigaction(number, nullptr, &now);
    if (!same_action(now, actions_[static_cast<std::size_t>(number)])) {
      found.push_back("replaced the handler of " + name_of_signal(number));
    }
    if (::sigismember(&mask, number) != ::sigismember(&mask_, number)) {
      found.push_back("changed whether the loader's thread blocks " + name_of_signal(number));
    }
  }
  if (current_umask() != umask_) found.emplace_back("changed the umask");
  const Fd here{::open(".", O_PATH | O_CLOEXEC)};
  auto directory = look_at(here.get());
  directory.fd = -1;
  if (directory != directory_) found.emplace_back("changed the working directory");
  if (locale_now() != locale_) found.emplace_back("changed the locale");
  if (std::fegetround() != rounding_) found.emplace_back("changed how numbers are rounded");
  if (has_running_child()) found.emplace_back("left a process running");
  return found;
}

}  // namespace backstage::plugin_host
