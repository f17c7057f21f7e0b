/// STB_GNU_UNIQUE: statics that g++ shares between all versions of a plugin, and how to stop that.
///
/// g++ marks the statics of inline functions, templates and inline variables as unique: the loader
/// keeps one of each name for the process, even across files mapped RTLD_LOCAL. A second generation
/// would run on the first one's statics, whatever their layout, and the first could never be
/// unmapped. As weak symbols they are each file's own.
#pragma once
#include <cstddef>
#include <span>

namespace backstage::plugin_gate {

/// Dynamic symbols of `image` that are unique. Any bytes are safe to pass; those that read_elf
/// refuses have none. Time linear in the image. [any]
[[nodiscard]] std::size_t count_unique(std::span<const std::byte> image);

/// Turns them into weak symbols, in place; how many there were. Meant for the daemon's private
/// copy: its hash is another one afterwards. [any]
std::size_t demote_unique(std::span<std::byte> image);

}  // namespace backstage::plugin_gate
