// Starts a trial's process without fork's dangers for threads, and ends it with all it started.
#include "daemon/plugin_host/trial_child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace backstage::plugin_host {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int report_fd_of_child = 3;
// Only where the system has no descriptors for processes.
constexpr std::chrono::milliseconds look_interval{5};

struct Pipe {
  Fd read, write;
};

// Both ends above the numbers that the child's descriptors get, lest one is overwritten by another.
std::expected<Pipe, std::string> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return std::unexpected(fmt::format("no pipe: {}", std::generic_category().message(errno)));
  }
  Pipe made{Fd{ends[0]}, Fd{ends[1]}};
  for (Fd* end : {&made.read, &made.write}) {
    if (end->get() > report_fd_of_child) continue;
    Fd higher{::fcntl(end->get(), F_DUPFD_CLOEXEC, report_fd_of_child + 1)};
    if (!higher.is_open()) {
      return std::unexpected(
          fmt::format("no descriptor: {}", std::generic_category().message(errno)));
    }
    *end = std::move(higher);
  }
  (void)::fcntl(made.read.get(), F_SETFL, O_NONBLOCK);
  return made;
}

// What the service manager gave to the daemon alone.
std::vector<char*> environment() {
  constexpr std::array<std::string_view, 5> private_names{
      "NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID=", "LISTEN_FDS=", "LISTEN_PID="};
  std::vector<char*> kept;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    const std::string_view text{*at};
    if (std::ranges::none_of(private_names, [text](auto name) { return text.starts_with(name); })) {
      kept.push_back(*at);
    }
  }
  kept.push_back(nullptr);
  return kept;
}

class FileActions {
 public:
  FileActions(int output, int report) {
    ok_ = ::posix_spawn_file_actions_init(&actions_) == 0;
    add(::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0));
    add(::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO));
    add(::posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO));
    add(::posix_spawn_file_actions_adddup2(&actions_, report, report_fd_of_child));
    add(::posix_spawn_file_actions_addclosefrom_np(&actions_, report_fd_of_child + 1));
  }
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  [[nodiscard]] bool is_ready() const noexcept { return ok_; }
  [[nodiscard]] const posix_spawn_file_actions_t* get() const noexcept { return &actions_; }

 private:
  void add(int error) noexcept { ok_ = ok_ && error == 0; }
  posix_spawn_file_actions_t actions_{};
  bool ok_ = false;
};

class Attributes {
 public:
  Attributes() {
    ok_ = ::posix_spawnattr_init(&attributes_) == 0;
    sigset_t all;
    sigset_t none;
    sigfillset(&all);
    sigemptyset(&none);
    add(::posix_spawnattr_setsigdefault(&attributes_, &all));
    add(::posix_spawnattr_setsigmask(&attributes_, &none));
    add(::posix_spawnattr_setpgroup(&attributes_, 0));
    add(::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK));
  }
  ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  [[nodiscard]] bool is_ready() const noexcept { return ok_; }
  [[nodiscard]] const posix_spawnattr_t* get() const noexcept { return &attributes_; }

 private:
  void add(int error) noexcept { ok_ = ok_ && error == 0; }
  posix_spawnattr_t attributes_{};
  bool ok_ = false;
};

// Everything there is to read now; nothing is kept beyond `bytes_max`, from the end or the start.
void read_available(int fd, std::string& text, std::size_t bytes_max, bool keep_end) {
  std::array<char, 4096> part{};
  for (;;) {
    const auto got = ::read(fd, part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    const std::string_view read{part.data(), static_cast<std::size_t>(got)};
    text += keep_end ? read : read.substr(0, bytes_max - text.size());
    if (text.size() > bytes_max) text.erase(0, text.size() - bytes_max);
  }
}

int milliseconds_until(Clock::time_point end) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
}

}  // namespace

std::expected<TrialChild, std::string> TrialChild::start(const std::string& executable,
                                                         const std::string& path) {
  auto report = make_pipe();
  if (!report) return std::unexpected(std::move(report.error()));
  auto output = make_pipe();
  if (!output) return std::unexpected(std::move(output.error()));
  const FileActions actions{output->write.get(), report->write.get()};
  const Attributes attributes;
  if (!actions.is_ready() || !attributes.is_ready()) return std::unexpected("no memory");

  std::array<std::string, 5> words{"backstaged", "--probe", path, "--probe-result",
                                   std::to_string(report_fd_of_child)};
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const auto variables = environment();
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, executable.c_str(), actions.get(), attributes.get(),
                                  argv.data(), variables.data());
  if (error != 0) {
    return std::unexpected(fmt::format("{} cannot be started: {}", executable,
                                       std::generic_category().message(error)));
  }
  return TrialChild{pid, std::move(report->read), std::move(output->read)};
}

TrialChild::TrialChild(pid_t pid, Fd report, Fd output)
    : pid_(pid),
      report_(std::move(report)),
      output_(std::move(output)),
      watch_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}

TrialChild::TrialChild(TrialChild&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      report_(std::move(other.report_)),
      output_(std::move(other.output_)),
      watch_(std::move(other.watch_)) {}

TrialChild::~TrialChild() {
  if (pid_ < 0) return;
  ::kill(-pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

bool TrialChild::has_ended() const noexcept {
  siginfo_t info{};
  // Left as it is, so that its number, which is its group's, is not given away yet.
  return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
         info.si_pid == pid_;
}

void TrialChild::read_both(TrialEnd& end, std::size_t output_bytes_max) {
  read_available(report_.get(), end.report, report_bytes_max, false);
  read_available(output_.get(), end.output, output_bytes_max, true);
}

TrialEnd TrialChild::wait(std::chrono::milliseconds deadline, std::chrono::milliseconds last_words,
                          std::size_t output_bytes_max) {
  TrialEnd end;
  auto until = Clock::now() + deadline;
  while (!has_ended()) {
    if (Clock::now() >= until) {
      if (std::exchange(end.is_overdue, true)) break;
      ::kill(pid_, SIGQUIT);
      until += last_words;
    }
    std::array<pollfd, 3> sources{pollfd{report_.get(), POLLIN, 0},
                                  pollfd{output_.get(), POLLIN, 0},
                                  pollfd{watch_.get(), POLLIN, 0}};
    auto patience = milliseconds_until(until);
    if (!watch_.is_open()) patience = std::min<int>(patience, look_interval.count());
    (void)::poll(sources.data(), sources.size(), patience);
    read_both(end, output_bytes_max);
    // Nobody holds the other end any more: such a pipe would make every poll return at once.
    if ((sources[0].revents & (POLLIN | POLLHUP)) == POLLHUP) report_ = Fd{};
    if ((sources[1].revents & (POLLIN | POLLHUP)) == POLLHUP) output_ = Fd{};
  }
  ::kill(-pid_, SIGKILL);
  while (::waitpid(pid_, &end.status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  read_both(end, output_bytes_max);
  return end;
}

}  // namespace backstage::plugin_host
