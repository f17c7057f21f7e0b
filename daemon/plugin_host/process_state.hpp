/// ProcessState: what belongs to the whole process, and a plugin must leave alone.
#pragma once
#include <signal.h>
#include <sys/types.h>

#include <array>
#include <cfenv>
#include <string>
#include <vector>

namespace backstage::plugin_host {

class ProcessState {
 public:
  /// As it is now, for the calling thread where that makes a difference. `extra_fd` is watched
  /// beside standard input, output and error. [main]
  explicit ProcessState(int extra_fd);

  /// What has changed since, each a clause such as "closed file descriptor 1": descriptors,
  /// handlers and mask of signals, umask, working directory, locale, rounding, and children left
  /// running. [main]
  [[nodiscard]] std::vector<std::string> changes() const;

 private:
  struct Descriptor {
    int fd = -1;
    bool is_open = false;
    dev_t device = 0;
    ino_t inode = 0;
    friend bool operator==(const Descriptor&, const Descriptor&) = default;
  };
  [[nodiscard]] static Descriptor look_at(int fd) noexcept;
  [[nodiscard]] static mode_t current_umask() noexcept;

  std::array<Descriptor, 4> descriptors_;
  std::array<struct sigaction, NSIG> actions_{};
  sigset_t mask_{};
  mode_t umask_ = 0;
  Descriptor directory_;
  std::string locale_;
  int rounding_ = FE_TONEAREST;
};

}  // namespace backstage::plugin_host
