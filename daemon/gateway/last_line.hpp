/// LastLine: a control line that is said again and again, decoded once.
///
/// Who streams says `PUB prices/EWR` a million times. Without an id a line says the same each time,
/// so that its second time it is kept, with what it means. [gateway]
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/wire/command.hpp"

namespace backstage::gateway {

class LastLine {
 public:
  LastLine() = default;
  LastLine(const LastLine&) = delete;
  LastLine& operator=(const LastLine&) = delete;

  /// What `control` means, if that is known. Valid until note().
  [[nodiscard]] const wire::Command* find(std::string_view control) const noexcept {
    return kept_ != nullptr && kept_->command && control == kept_->line ? &*kept_->command
                                                                        : nullptr;
  }
  /// `control` was none that find() knows, and means `command`.
  void note(std::string_view control, const wire::Command& command);

 private:
  struct Kept {
    std::string line;
    std::optional<wire::Command> command;  // with views into the line
  };
  std::unique_ptr<Kept> kept_;  // made on first use: most clients stream nothing
};

}  // namespace backstage::gateway
