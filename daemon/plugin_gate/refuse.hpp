/// Shorthand of the gate's own sources for refusing: cause and fix, the file name comes later.
#pragma once
#include <fmt/format.h>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "daemon/plugin_gate/verdict.hpp"

namespace backstage::plugin_gate {

using Refused = std::unexpected<Rejection>;
using Checked = std::expected<void, Rejection>;

[[nodiscard]] inline Refused refuse(Code code, std::string cause, std::string_view fix) {
  return Refused(Rejection{code, {}, std::move(cause), std::string{fix}, {}});
}

/// Headers that contradict themselves. [any]
[[nodiscard]] inline Refused malformed(std::string cause) {
  return refuse(Code::elf_malformed, std::move(cause),
                "build it again, with an unmodified linker and no packer");
}

/// A file of `size` bytes that should hold `bytes` more from `offset` on. [any]
[[nodiscard]] inline Refused truncated(std::uint64_t size, std::string_view what,
                                       std::uint64_t offset, std::uint64_t bytes) {
  return refuse(Code::elf_truncated,
                fmt::format("it ends at byte {}, but its {} takes {} bytes from byte {} on: "
                            "truncated or still being copied",
                            size, what, bytes, offset),
                "copy it again under another name, then rename it into the plugin directory");
}

}  // namespace backstage::plugin_gate
