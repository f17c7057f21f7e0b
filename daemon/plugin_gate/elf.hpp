/// Bounds-checked reading of an ELF64 shared object held in memory.
///
/// dlopen of a truncated file ends in SIGBUS (48 of 61 cut points), of a contradictory one often in
/// SIGSEGV: so everything the loader would follow blindly must lie inside the file and inside the
/// mapped segments. Smashed bytes that keep the bounds are for the hash and the trial child.
#pragma once
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>
#include <vector>

#include "daemon/plugin_gate/verdict.hpp"

namespace backstage::plugin_gate {

// Limits of what is looked at: far above what linkers write (9 to 14 segments, 30 dynamic entries,
// 3 notes), low enough that a hostile file costs microseconds.
inline constexpr std::size_t segments_max = 64;
inline constexpr std::size_t dynamic_entries_max = 1'024;
inline constexpr std::size_t needed_max = 128;
inline constexpr std::size_t notes_max = 256;
/// Address space one plugin may map, .bss included.
inline constexpr std::uint64_t mapped_bytes_max = 1ULL << 30U;

/// What the gate wants to know. Views into the image: valid as long as it is.
struct ElfFacts {
  std::span<const std::byte> note;      ///< desc of `.note.backstage`
  std::span<const std::byte> build_id;  ///< empty when the linker wrote none
  std::vector<std::string_view> needed;
  bool has_note = false;
  bool exec_stack = true;  ///< PT_GNU_STACK missing counts as executable, as the loader sees it
  bool static_tls = false;
  bool no_delete = false;
};

/// Reads headers, segments, dynamic section and notes. Errors: elf_*, not_elf, wrong_machine,
/// not_shared_object, writable_code, too_large, note_malformed (two notes); `file` is left for the
/// caller. Any bytes are safe to pass; no recursion; time linear in the limits above. [any]
[[nodiscard]] std::expected<ElfFacts, Rejection> read_elf(std::span<const std::byte> image);

}  // namespace backstage::plugin_gate
