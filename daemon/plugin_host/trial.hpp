/// Trial: loads a plugin in a process of its own first, so that what crashes, hangs or exits while
/// it is loaded does so there.
///
/// The child is the daemon's own binary, `backstaged --probe FILE`: same libraries, same loader,
/// same checks. It is confined (Confinement), and whatever it leaves behind is ended with it.
#pragma once
#include <chrono>
#include <expected>
#include <string>

#include "daemon/plugin_host/refusal.hpp"

namespace backstage::plugin_host {

class Trial {
 public:
  struct Limits {
    /// From the start of the child to its verdict.
    std::chrono::milliseconds deadline{5'000};
    /// How long a child that hangs has to say where, before it is killed.
    std::chrono::milliseconds last_words{500};
  };

  /// `executable` answers to `--probe`: "/proc/self/exe" in the daemon, which is the right one even
  /// after its file has been replaced.
  explicit Trial(std::string executable) : Trial(std::move(executable), Limits{}) {}
  Trial(std::string executable, Limits limits)
      : executable_(std::move(executable)), limits_(limits) {}

  /// Tries the staged copy at `staged_path`; `file` is for texts only. Waits for the child, so up
  /// to both limits together. Errors: trial_crashed, trial_hung, trial_exited, trial_meddled; those
  /// of Library::open, read_descriptor and entry_refused, as loading it here would give;
  /// trial_failed. Should the daemon end meanwhile, the child does with all it started. [loader]
  [[nodiscard]] std::expected<void, Refusal> run(const std::string& staged_path,
                                                 const std::string& file) const;

  /// Whether `refusal` is about the plugin. Not, when no trial could be made (trial_failed: a
  /// container that forbids new processes, say): then it may be loaded untried, at the daemon's
  /// risk. [any]
  [[nodiscard]] static bool is_verdict(const Refusal& refusal) noexcept {
    return refusal.code != token(Code::trial_failed);
  }

  /// How much of what a plugin prints while it is tried is shown; the last bytes count.
  static constexpr std::size_t output_bytes_max = 4'096;

 private:
  std::string executable_;
  Limits limits_;
};

}  // namespace backstage::plugin_host
