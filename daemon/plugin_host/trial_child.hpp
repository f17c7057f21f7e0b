/// TrialChild: the process of one trial, from its start to the end of all that it started.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <expected>
#include <string>

#include "daemon/plugin_host/fd.hpp"

namespace backstage::plugin_host {

/// How a trial's process ended, and what it had to say.
struct TrialEnd {
  int status = 0;           ///< as waitpid gives it
  bool is_overdue = false;  ///< it was killed at the deadline
  std::string report;       ///< for parse_report; at most report_bytes_max
  std::string output;       ///< the end of what it printed; at most what was asked for
};

class TrialChild {
 public:
  /// Room for the list of what is mapped, of a process with many libraries.
  static constexpr std::size_t report_bytes_max = std::size_t{1} << 20U;

  /// Starts `executable --probe path --probe-result 3` as leader of a process group of its own:
  /// input from /dev/null, output and errors into a pipe, descriptors above 3 closed, signals as a
  /// fresh process has them, the environment without what belongs to the daemon's service manager.
  /// Errors, a clause: what the system refused. [loader]
  [[nodiscard]] static std::expected<TrialChild, std::string> start(const std::string& executable,
                                                                    const std::string& path);
  TrialChild(TrialChild&& other) noexcept;
  TrialChild& operator=(TrialChild&&) = delete;
  /// Kills the whole group, if it was not waited for.
  ~TrialChild();

  /// Reads until it has ended. At the `deadline` it is asked where it hangs, and killed
  /// `last_words` later. Then its whole group is. Once. [loader]
  [[nodiscard]] TrialEnd wait(std::chrono::milliseconds deadline,
                              std::chrono::milliseconds last_words, std::size_t output_bytes_max);

 private:
  TrialChild(pid_t pid, Fd report, Fd output);
  [[nodiscard]] bool has_ended() const noexcept;
  void read_both(TrialEnd& end, std::size_t output_bytes_max);

  pid_t pid_;
  Fd report_;
  Fd output_;
  Fd watch_;  // a pidfd; not open where the system offers none
};

}  // namespace backstage::plugin_host
