/// LastLine: a control line that is said again and again, decoded once.
///
/// Who streams says `PUB prices/EWR` a million times, or `REQ price id=N` with another N each time.
/// The second time it is kept, with what it means; lines that differ by their id alone are one.
/// [gateway]
#pragma once
#include <cstddef>
#include <cstdint>
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

  /// What `control` means, if that is known. Valid until the next call.
  [[nodiscard]] const wire::Command* find(std::string_view control) noexcept;
  /// `control` was none that find() knows, and means `command`.
  void note(std::string_view control, const wire::Command& command);

 private:
  struct Kept {
    std::string line;
    // Where the digits of its id are; both are its end if it has none.
    std::size_t id_begin = 0;
    std::size_t id_end = 0;
    std::optional<wire::Command> command;  // with views into the line
    std::uint64_t* id = nullptr;           // the command's
  };
  [[nodiscard]] bool is_as_kept(std::string_view control, std::uint64_t& id) const noexcept;
  std::unique_ptr<Kept> kept_;  // made on first use: most clients stream nothing
};

}  // namespace backstage::gateway
