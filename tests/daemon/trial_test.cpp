// Plugins that crash, hang, exit and meddle while they are loaded: named by the trial, survived by
// everybody else.
#include "daemon/plugin_host/trial.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/daemon/temp_dir.hpp"
#include "tests/support/catch.hpp"

using namespace backstage::plugin_host;
using namespace std::chrono_literals;

namespace {

const std::string daemon_binary = BACKSTAGED_BIN;
// Long for a machine under load, unless the plugin is meant to hang.
constexpr Trial::Limits patient{.deadline = 60s, .last_words = 10s};
constexpr Trial::Limits brisk{.deadline = 2s, .last_words = 10s};

std::string bad(const std::string& name) { return BACKSTAGE_BAD_PLUGINS "/" + name + ".so"; }

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Holds what every refusal promises, then gives it back for a closer look.
Refusal refused(const std::string& name, Code code, const Trial::Limits& limits = patient) {
  const auto tried = Trial{daemon_binary, limits}.run(bad(name), "plugins/" + name + ".so");
  REQUIRE_FALSE(tried);
  const auto& refusal = tried.error();
  INFO(refusal.text());
  CHECK(refusal.code == token(code));
  CHECK(refusal.file == "plugins/" + name + ".so");
  CHECK_FALSE(refusal.cause.empty());
  CHECK_FALSE(refusal.fix.empty());
  CHECK(Trial::is_verdict(refusal));
  for (const char c : refusal.text()) CHECK((c >= ' ' && c <= '~'));
  return refusal;
}

// A pipe in the file system that hostile plugins hold open as long as a process of theirs lives.
class Leash {
 public:
  Leash() {
    REQUIRE(::mkfifo(path().c_str(), 0600) == 0);
    fd_ = ::open(path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(fd_ >= 0);
    REQUIRE(::setenv("HOSTILE_PIPE", path().c_str(), 1) == 0);
  }
  ~Leash() {
    ::unsetenv("HOSTILE_PIPE");
    ::close(fd_);
  }
  Leash(const Leash&) = delete;
  Leash& operator=(const Leash&) = delete;

  // Waits until a process of the plugin's has said that it is there.
  [[nodiscard]] bool is_held() const {
    pollfd source{.fd = fd_, .events = POLLIN, .revents = 0};
    char said = 0;
    return ::poll(&source, 1, 60'000) == 1 && ::read(fd_, &said, 1) == 1;
  }
  // Whether all who held it are gone, sooner or later: those killed need a moment to be so.
  [[nodiscard]] bool is_let_go() const {
    pollfd source{.fd = fd_, .events = 0, .revents = 0};
    return ::poll(&source, 1, 60'000) == 1 && (source.revents & POLLHUP) != 0;
  }

 private:
  [[nodiscard]] std::string path() const { return folder_.path("leash"); }
  backstage::daemon::TempDir folder_;
  int fd_ = -1;
};

}  // namespace

TEST_CASE("sound plugins pass their trial", "[trial]") {
  for (const auto* name : {"echo", "counter", "counter_c", "ticker", "crashy", "airport"}) {
    CAPTURE(name);
    const auto file = BACKSTAGE_PLUGINS "/" + std::string{name} + ".so";
    const auto tried = Trial{daemon_binary, patient}.run(file, file);
    if (!tried) FAIL(tried.error().text());
  }
}

TEST_CASE("init is not part of a trial", "[trial]") {
  CHECK(Trial(daemon_binary, patient).run(bad("init_fails"), "x.so"));
}

TEST_CASE("a static constructor that crashes is refused with signal and place", "[trial]") {
  const auto refusal = refused("hostile_crash", Code::trial_crashed);
  CHECK(contains(refusal.cause, "SIGSEGV (memory at 0x0)"));
  CHECK(contains(refusal.cause, "static constructors"));
  CHECK(contains(refusal.cause, ", at read_nothing+0x"));
  CHECK(contains(refusal.cause, "< misbehave+0x"));
  CHECK(contains(refusal.fix, "gdb --args backstaged --probe plugins/hostile_crash.so"));
}

TEST_CASE("the place of a crash is found by whatever path the copy has", "[trial]") {
  const backstage::daemon::TempDir folder;
  std::filesystem::create_directory_symlink(BACKSTAGE_BAD_PLUGINS, folder.path("by-name"));
  const auto near = Trial{daemon_binary, patient}.run(folder.path("by-name/hostile_crash.so"), "x");
  REQUIRE_FALSE(near);
  CHECK(contains(near.error().cause, "read_nothing+0x"));

  // As staging does where no directory may hold code: memory, by a path of this process.
  std::ifstream file{bad("hostile_crash"), std::ios::binary};
  const std::string bytes{std::istreambuf_iterator<char>{file}, {}};
  const int memory = ::memfd_create("plugin", MFD_CLOEXEC);
  REQUIRE(::write(memory, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  const auto path = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(memory);
  const auto in_memory = Trial{daemon_binary, patient}.run(path, "x");
  ::close(memory);
  REQUIRE_FALSE(in_memory);
  CHECK(contains(in_memory.error().cause, "read_nothing+0x"));
}

TEST_CASE("a stack overflow is refused with the function that called itself", "[trial]") {
  const auto refusal = refused("hostile_overflow", Code::trial_crashed);
  CHECK(contains(refusal.cause, "SIGSEGV"));
  CHECK(contains(refusal.cause, "dig+0x"));
  CHECK(contains(refusal.cause, "times)"));
}

TEST_CASE("an exception out of a static constructor is refused with its text", "[trial]") {
  const auto refusal = refused("throws_early", Code::trial_crashed);
  CHECK(contains(refusal.cause, "SIGABRT"));
  CHECK(contains(refusal.cause, "it printed: "));
  CHECK(contains(refusal.cause, "out of a static constructor"));
}

TEST_CASE("an entry that aborts is refused, and so is one that throws", "[trial]") {
  const auto aborted = refused("hostile_abort_entry", Code::trial_crashed);
  CHECK(contains(aborted.cause, "SIGABRT in backstage_plugin_v1, at misbehave+0x"));
  const auto thrown = refused("throws_in_entry", Code::entry_refused);
  CHECK(contains(thrown.cause, "an exception left the plugin's backstage_plugin_v1"));
}

TEST_CASE("what hangs is ended at the deadline and told where it hung", "[trial]") {
  const auto constructor = refused("hostile_hang", Code::trial_hung, brisk);
  CHECK(contains(constructor.cause, "static constructors"));
  CHECK(contains(constructor.cause, "hang_for_ever+0x"));
  const auto entry = refused("hostile_hang_entry", Code::trial_hung, brisk);
  CHECK(contains(entry.cause, "in backstage_plugin_v1"));
  CHECK(contains(entry.cause, "hang_for_ever+0x"));
  const auto busy = refused("hostile_spin", Code::trial_hung, brisk);
  CHECK(contains(busy.cause, "spin_for_ever+0x"));
  CHECK(contains(busy.fix, "in an actor, or in init"));
}

TEST_CASE("what hangs and hears no signal is killed", "[trial]") {
  constexpr Trial::Limits short_of_words{.deadline = 2s, .last_words = 50ms};
  const auto start = std::chrono::steady_clock::now();
  refused("hostile_hang_deaf", Code::trial_hung, short_of_words);
  CHECK(std::chrono::steady_clock::now() - start < 60s);
}

TEST_CASE("what ends the process is refused with its exit code", "[trial]") {
  const auto early = refused("hostile_exit_0", Code::trial_exited);
  CHECK(contains(early.cause, "exit code 0 while it was mapped"));
  const auto late = refused("hostile_exit_3", Code::trial_exited);
  CHECK(contains(late.cause, "exit code 3 in backstage_plugin_v1"));
  CHECK(contains(late.fix, "never exit"));
}

TEST_CASE("a process that a plugin leaves behind is found, and ended with the trial", "[trial]") {
  for (const auto* name : {"hostile_fork", "hostile_fork_away"}) {
    const Leash leash;
    const auto refusal = refused(name, Code::trial_meddled);
    CHECK(contains(refusal.cause, "left a process running"));
    CHECK(leash.is_let_go());
  }
  const Leash leash;
  constexpr Trial::Limits short_of_words{.deadline = 2s, .last_words = 50ms};
  refused("hostile_fork_and_hang", Code::trial_hung, short_of_words);
  CHECK(leash.is_let_go());
}

TEST_CASE("nothing of a trial outlives the daemon, even if killed", "[trial]") {
  const Leash leash;
  const pid_t daemon = ::fork();
  REQUIRE(daemon >= 0);
  if (daemon == 0) {
    static_cast<void>(Trial(daemon_binary, patient).run(bad("hostile_fork_and_hang"), "x.so"));
    ::_exit(0);
  }
  CHECK(leash.is_held());
  CHECK(::kill(daemon, SIGKILL) == 0);
  CHECK(::waitpid(daemon, nullptr, 0) == daemon);
  CHECK(leash.is_let_go());
}

TEST_CASE("what a plugin changes for the whole process is named", "[trial]") {
  const auto closed = refused("hostile_close", Code::trial_meddled);
  CHECK(contains(closed.cause, "closed file descriptor 0, closed file descriptor 1"));
  const auto cut_off = refused("hostile_close_all", Code::trial_exited);
  CHECK(contains(cut_off.cause, "closed the descriptor that its trial answers on"));
  const auto meddled = refused("hostile_meddle", Code::trial_meddled);
  for (const auto* part : {"replaced the handler of SIGTERM", "blocks SIGUSR1", "the umask",
                           "the working directory", "the locale"}) {
    CAPTURE(part);
    CHECK(contains(meddled.cause, part));
  }
}

TEST_CASE("there is no network in a trial, and local sockets are left", "[trial]") {
  const auto tried = Trial{daemon_binary, patient}.run(bad("hostile_network"), "x.so");
  if (!tried) FAIL(tried.error().text());
}

TEST_CASE("of what a plugin prints the end is shown, in one printable line", "[trial]") {
  const auto refusal = refused("hostile_loud", Code::trial_crashed);
  CHECK(contains(refusal.cause, "line 19999 of a long story | \\x1b[31mthe end"));
  CHECK_FALSE(contains(refusal.cause, "line 100 of"));
  CHECK(refusal.cause.size() < cause_bytes_max);
}

TEST_CASE("a plugin that writes nonsense where the result goes is only refused", "[trial]") {
  refused("hostile_liar", Code::trial_crashed);
}

TEST_CASE("a trial refuses with the codes of a load", "[trial]") {
  struct Row {
    const char* name;
    Code code;
    std::string_view mention;
  };
  const Row rows[] = {
      {"missing_library", Code::library_missing, "libbackstage_absent.so"},
      {"missing_symbol", Code::symbol_missing, "a_function_that_nobody_defines"},
      {"no_entry", Code::no_entry, "backstage_plugin_v1"},
      {"entry_refuses", Code::entry_refused, "it refuses this daemon: only for hosts with a moon"},
      {"small_descriptor", Code::descriptor_bad, "struct_size 8"},
      {"no_receive", Code::descriptor_bad, "create, receive or destroy"},
      {"id_mismatch", Code::descriptor_mismatch, "test.other"},
      {"types_mismatch", Code::descriptor_mismatch, "types"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    const auto refusal = refused(row.name, row.code);
    CHECK(contains(refusal.text(), row.mention));
  }
}

TEST_CASE("a trial that cannot be made is not the plugin's fault", "[trial]") {
  const auto none = Trial{"/nonexistent/backstaged", patient}.run(bad("sound"), "x.so");
  REQUIRE_FALSE(none);
  CHECK(none.error().code == "TRIAL_FAILED");
  CHECK_FALSE(Trial::is_verdict(none.error()));
  CHECK(contains(none.error().text(), "/nonexistent/backstaged"));
  CHECK(contains(none.error().fix, "/plugins/trial"));

  // Starts, and knows nothing of trials.
  const auto other = Trial{"/bin/false", patient}.run(bad("sound"), "x.so");
  REQUIRE_FALSE(other);
  CHECK_FALSE(Trial::is_verdict(other.error()));
  const auto unread = Trial{daemon_binary, patient}.run("/nonexistent/x.so", "x.so");
  REQUIRE_FALSE(unread);
  CHECK_FALSE(Trial::is_verdict(unread.error()));
}

TEST_CASE("a trial leaves no descriptor and no child behind", "[trial]") {
  const auto open_now = [] {
    return std::distance(std::filesystem::directory_iterator{"/proc/self/fd"},
                         std::filesystem::directory_iterator{});
  };
  const auto before = open_now();
  refused("hostile_crash", Code::trial_crashed);
  CHECK(Trial(daemon_binary, patient).run(bad("sound"), "x.so"));
  CHECK(open_now() == before);
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
}
