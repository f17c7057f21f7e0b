// Puts a trial's end into words: what happened, where, and what to do about it.
#include "daemon/plugin_host/trial.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <system_error>
#include <vector>

#include "daemon/plugin_host/signal_name.hpp"
#include "daemon/plugin_host/trial_child.hpp"
#include "daemon/plugin_host/trial_report.hpp"

namespace backstage::plugin_host {
namespace {

// What a trial needs to be told about.
struct Case {
  const std::string& executable;
  const std::string& staged_path;
  const std::string& file;
  const TrialEnd& end;
  const TrialReport& report;
};

std::string_view when(TrialPhase phase) {
  switch (phase) {
    case TrialPhase::none:
    case TrialPhase::load:
      return "while it was mapped and its static constructors ran";
    case TrialPhase::entry:
      return "in backstage_plugin_v1";
    case TrialPhase::descriptor:
      return "while its descriptor was read";
    case TrialPhase::state:
      break;
  }
  return "after its descriptor was read";
}

std::string where(const Case& tried) {
  if (!tried.report.signal) return {};
  std::ifstream copy{tried.staged_path, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{copy}, {}};
  // As the kernel names what is mapped. Not so for memory, which has no other name.
  std::error_code unknown;
  const bool is_memory = tried.staged_path.starts_with("/proc/");
  const auto path = is_memory ? std::filesystem::path{tried.staged_path}
                              : std::filesystem::canonical(tried.staged_path, unknown);
  const auto place = place_of(*tried.report.signal, path.native(), std::as_bytes(std::span{text}));
  return place.empty() ? std::string{} : fmt::format(", at {}", place);
}

// The lines a plugin printed, as one.
std::string last_words(std::string_view output) {
  std::string text;
  while (!output.empty()) {
    const auto end = std::min(output.find('\n'), output.size());
    const auto line = output.substr(0, end);
    output.remove_prefix(std::min(end + 1, output.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    text += text.empty() ? "; it printed: " : " | ";
    text += line;
  }
  return text;
}

std::string try_again(const Case& tried) {
  return fmt::format("see for yourself: gdb --args backstaged --probe {}", tried.file);
}

std::unexpected<Refusal> failed(const std::string& file, std::string_view why) {
  return refuse(Code::trial_failed, file,
                fmt::format("it could not be tried in a process of its own: {}", why),
                "let the daemon start processes (seccomp, TasksMax, memory), or set /plugins/trial "
                "to false to load plugins untried");
}

std::unexpected<Refusal> hung(const Case& tried, std::string_view what) {
  return refuse(Code::trial_hung, tried.file,
                fmt::format("{} {}{}{}", what, when(tried.report.phase), where(tried),
                            last_words(tried.end.output)),
                "do slow work in an actor, or in init, not in static constructors or the entry");
}

std::unexpected<Refusal> crashed(const Case& tried, int signal) {
  auto what = fmt::format("it crashed with {}", name_of_signal(signal));
  const auto& said = tried.report.signal;
  if (said && (signal == SIGSEGV || signal == SIGBUS)) {
    what += fmt::format(" (memory at {:#x})", said->address);
  }
  if (!said && signal == SIGKILL) what += " (killed from outside; out of memory?)";
  return refuse(Code::trial_crashed, tried.file,
                fmt::format("{} {}{}{}", what, when(tried.report.phase), where(tried),
                            last_words(tried.end.output)),
                try_again(tried));
}

std::unexpected<Refusal> exited(const Case& tried, int code) {
  const auto what = code == exit_unreported
                        ? std::string{"it closed the descriptor that its trial answers on"}
                        : fmt::format("it ended the process with exit code {}", code);
  return refuse(
      Code::trial_exited, tried.file,
      fmt::format("{} {}{}", what, when(tried.report.phase), last_words(tried.end.output)),
      "return NULL from the entry to refuse a host; never exit, and close only what "
      "it opened");
}

std::expected<void, Refusal> judge(const Case& tried) {
  const auto& [executable, staged_path, file, end, report] = tried;
  if (report.is_ok) return {};
  if (report.refusal) {
    auto refusal = *report.refusal;
    refusal.file = plugin_gate::printable(file);
    return std::unexpected(std::move(refusal));
  }
  if (report.phase == TrialPhase::none) {
    return failed(file, fmt::format("{} ended before it came to the plugin (wait status {:#x}){}",
                                    executable, end.status, last_words(end.output)));
  }
  if (end.is_overdue) return hung(tried, "it did not come to an end in time");
  if (WIFEXITED(end.status)) return exited(tried, WEXITSTATUS(end.status));
  const int signal = WTERMSIG(end.status);
  if (signal == SIGXCPU) return hung(tried, "it used up the processor time of a trial");
  return crashed(tried, signal);
}

}  // namespace

std::expected<void, Refusal> Trial::run(const std::string& staged_path,
                                        const std::string& file) const {
  auto child = TrialChild::start(executable_, staged_path);
  if (!child) return failed(file, child.error());
  const auto end = child->wait(limits_.deadline, limits_.last_words, output_bytes_max);
  const auto report = parse_report(end.report);
  return judge({executable_, staged_path, file, end, report});
}

}  // namespace backstage::plugin_host
